"""What the integration tests stand on: real processes, real clients, and conditions to wait for."""
