"""What runs by itself: jobs, and the schedule and sensor that start them. All are off until switched on in the UI."""
