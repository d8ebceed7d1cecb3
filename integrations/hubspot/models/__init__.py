"""What only HubSpot's connections need to remember."""
