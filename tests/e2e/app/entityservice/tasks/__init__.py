"""What the workers do. A task may run twice, so each leaves the same content when repeated."""
