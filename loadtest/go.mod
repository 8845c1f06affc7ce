module redoubt.example/loadtest

go 1.26.0

require redoubt.example/threatmodel v0.0.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace redoubt.example/threatmodel => ../threatmodel
