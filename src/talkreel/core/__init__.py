"""The records that flow between stages, their errors and their JSON form. Only stdlib and numpy."""
