"""What another package brings."""
