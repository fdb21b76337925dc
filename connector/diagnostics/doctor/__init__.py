"""`bkc doctor`: looks at everything that a worker depends on, changes nothing, names each cure."""
