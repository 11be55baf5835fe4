"""Deployments, for any pipeline: servers, queues, clips, fleets and the processes they are. Plain classes."""
