"""Questions to the channels: what they hold, what has drifted, whether a connection is good."""
