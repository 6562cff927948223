"""promring and a real Prometheus asked the same questions about the same samples."""
