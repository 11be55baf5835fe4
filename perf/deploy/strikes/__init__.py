"""What a deployment on this machine is struck by: proxies before its servers, its workers, database, disk."""
