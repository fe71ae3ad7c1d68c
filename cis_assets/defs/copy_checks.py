"""Whether the model that was to write the copy wrote it, or the template writer in its place."""

from collections.abc import Iterator

import dagster as dg

from cis_assets.catalog import gold
from cis_assets.defs.failing_checks import fail_on_errors
from cis_assets.defs.quality import days_of_run
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key
from cis_assets.notifications.fallback import Fallback, measure_fallback
from cis_assets.settings import Settings

FEW_WORDINGS_FALL_BACK = "few_wordings_fall_back"


def build(settings: Settings) -> dg.Definitions:
    severity = dg.AssetCheckSeverity[settings.copy_fallback_severity.upper()]

    @dg.multi_asset_check(
        name=FEW_WORDINGS_FALL_BACK,
        specs=[
            dg.AssetCheckSpec(
                FEW_WORDINGS_FALL_BACK,
                asset=asset_key(gold.NOTIFICATION_COPY),
                description="Share of wordings that the template writer composed, although CIS_WRITER names a model. "
                "Fails above CIS_COPY_FALLBACK_SHARE, as CIS_COPY_FALLBACK_SEVERITY says.",
            )
        ],
    )
    def few_wordings_fall_back(
        context: dg.AssetCheckExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult]:
        tables = lake.lake()
        if settings.writer == "template" or not tables.exists(gold.NOTIFICATION_COPY):
            found = Fallback(0, 0, "")
        else:
            rows = tables.scan(gold.NOTIFICATION_COPY, days_of_run(context.run.tags), ["generator", "verdict"])
            found = measure_fallback(rows.collect(), settings.writer)
        yield from fail_on_errors([_judge(found, settings.copy_fallback_share, severity)])

    return dg.Definitions(asset_checks=[few_wordings_fall_back])


def _judge(found: Fallback, allowed: float, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    passed = found.share <= allowed
    description = (
        f"The template writer composed {found.by_fallback} of {found.wordings} wordings in place of the model."
    )
    if not passed:
        description += f" The most frequent reason: {found.reason}"
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset_key(gold.NOTIFICATION_COPY),
        check_name=FEW_WORDINGS_FALL_BACK,
        severity=severity,
        description=description,
        metadata={"wordings": found.wordings, "by_fallback": found.by_fallback},
    )
