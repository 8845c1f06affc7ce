// k6 with the k6/x/mesh extension: the lab's load generator. Outside go.work: its graph disagrees with the services'.
module redoubt.example/loadtest/k6

go 1.26.0
