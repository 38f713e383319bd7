module pg-airlock.dev/test/cluster/pause

go 1.26
