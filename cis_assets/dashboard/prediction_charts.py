from cis_assets.dashboard import extra
def calibration_chart(rows):
    extra.altair()
    raise extra.DashboardExtraMissingError("stub")
