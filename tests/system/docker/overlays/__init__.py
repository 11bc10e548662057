"""Deployments of docker-compose.yml with the overlays in deploy/compose, and their checks."""
