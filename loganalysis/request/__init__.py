"""What an analysis is asked for, as JSON: its checks, its errors, and how it is answered."""
