"""What conversations with channels share: verdicts, error bodies, identifiers, jobs, files."""
