"""What the workers do. A task may run twice, so each leaves the same content when repeated; but those
of uploads remove what they read, some before they tell of it."""
