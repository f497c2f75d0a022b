"""What becomes of records when their time has come, and the proof of it."""
