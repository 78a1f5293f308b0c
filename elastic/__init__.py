"""elastic: groups of virtual machines, kept at the size their policy asks for."""
