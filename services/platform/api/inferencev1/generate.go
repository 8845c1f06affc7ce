// Package inferencev1 is the gRPC API of the inference service, generated from
// ../proto/redoubt/inference/v1/inference.proto.
package inferencev1

//go:generate protoc -I ../proto --go_out=../../.. --go_opt=module=redoubt.example/services --go-grpc_out=../../.. --go-grpc_opt=module=redoubt.example/services redoubt/inference/v1/inference.proto
