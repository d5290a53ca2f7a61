"""The channels that come with Seamline: one module each, named by the channel's slug."""
