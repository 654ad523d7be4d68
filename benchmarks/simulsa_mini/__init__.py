"""What is measured of the mini audio-language model's data."""
