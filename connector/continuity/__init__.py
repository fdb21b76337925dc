"""What is missing and what is said of it: trackers, feed arbitration, gaps, markers. PURE."""
