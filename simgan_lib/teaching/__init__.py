"""What notebooks use and no experiment needs: checks of exercises, interactive pictures, the failure gallery."""
