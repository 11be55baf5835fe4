"""The Celery worker under test: its SQS transport, its one task and the ffmpeg step."""
