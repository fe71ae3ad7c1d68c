"""Jobs of daily work, and their selections of assets, which commands share."""

import dagster as dg

from cis_assets.catalog import bronze, silver
from cis_assets.defs.maintenance import MAINTENANCE_CHECKS

INGEST = "group:bronze or group:silver or group:quality"
# The asset that removes messages without consent. It stores no table.
WITHDRAWAL = dg.AssetKey(["notifications", "withdrawn"])
SNAPSHOT_TABLES = " or ".join(
    f'key:"{table.path}"' for table in (*bronze.TABLES, *silver.TABLES) if not table.partition_by
)
SEGMENT_MODEL = 'key:"gold/segment_model" or key:"gold/segment_candidates"'
# The op that makes the tables of the model.
SEGMENT_TRAINING = "train_segment_model"
PREDICTION_MODELS = 'key:"gold/prediction_models" or key:"gold/model_evaluations"'
# The op that makes them.
PREDICTION_TRAINING = "train_prediction_models"
# The tables of a day by the models as they are, and the dashboard page.
SNAPSHOT = f"(group:gold and not ({SEGMENT_MODEL} or {PREDICTION_MODELS})) or group:dashboard"
# Runs with the same value of this tag follow one another (see dagster.yaml). The later run read the newer files, so it writes last.
ONE_AT_A_TIME = "cis/one_at_a_time"

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.from_string(INGEST) - MAINTENANCE_CHECKS,
    description="Reads the landing files of order dates into bronze and silver, reads the newest product, customer and "
    "offer files, and checks each date.",
    tags={ONE_AT_A_TIME: "ingest"},
)

ingest_snapshots = dg.define_asset_job(
    "ingest_snapshots",
    selection=(dg.AssetSelection.from_string(SNAPSHOT_TABLES) | dg.AssetSelection.assets(WITHDRAWAL))
    - MAINTENANCE_CHECKS,
    description="Reads the newest snapshots of products, customers and offers without any order date, and removes "
    "undelivered messages of customers without consent.",
    tags={ONE_AT_A_TIME: "ingest"},
)

daily_gold = dg.define_asset_job(
    "daily_gold",
    selection=dg.AssetSelection.from_string(SNAPSHOT) - MAINTENANCE_CHECKS,
    description="Makes the gold tables of a day with the models as they are, and the dashboard.",
    tags={ONE_AT_A_TIME: "gold"},
)

train_segments = dg.define_asset_job(
    "train_segments",
    selection=dg.AssetSelection.from_string(SEGMENT_MODEL) - MAINTENANCE_CHECKS,
    description="Trains a challenger of the segment model on the newest snapshot of customers' habits.",
    tags={ONE_AT_A_TIME: "segment_model"},
)

promote_segments = dg.define_asset_job(
    "promote_segments",
    selection=dg.AssetSelection.from_string(SEGMENT_MODEL) - MAINTENANCE_CHECKS,
    description="Promotes the waiting challenger of the segment model: it serves the snapshots after the newest one. If none "
    "waits, it trains one first.",
    tags={ONE_AT_A_TIME: "segment_model"},
    config={"ops": {SEGMENT_TRAINING: {"config": {"promote": True, "reason": "promoted by the job promote_segments"}}}},
)

train_predictions = dg.define_asset_job(
    "train_predictions",
    selection=dg.AssetSelection.from_string(PREDICTION_MODELS) - MAINTENANCE_CHECKS,
    description="Evaluates and trains the models of the next order and the next basket on all orders of silver. The snapshots "
    "from the newest order date on use them.",
    tags={ONE_AT_A_TIME: "prediction_models"},
)
