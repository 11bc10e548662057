"""The state of the service: health, metrics, the overview, and figures for scaling workers."""
