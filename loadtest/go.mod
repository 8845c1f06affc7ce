module redoubt.example/loadtest

go 1.26.0

require redoubt.example/threatmodel v0.0.0

require github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect

replace redoubt.example/threatmodel => ../threatmodel
