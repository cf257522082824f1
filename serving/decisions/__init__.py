"""What the service decides by itself: triggers look, policy allows or withholds."""
