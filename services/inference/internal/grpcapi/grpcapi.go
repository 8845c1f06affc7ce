// Package grpcapi is the inference service over gRPC: it decodes, calls and encodes. Every error is a fault, which
// the server turns into a status.
package grpcapi

import (
	"context"

	"google.golang.org/grpc"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/platform/api/inferencev1"
)

type server struct {
	inferencev1.UnimplementedInferenceServiceServer
	service *inference.Service
}

// Register offers the service on g.
func Register(g *grpc.Server, service *inference.Service) {
	inferencev1.RegisterInferenceServiceServer(g, &server{service: service})
}

func (s *server) Infer(ctx context.Context, in *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
	answer, err := s.service.Infer(ctx, in.GetModel(), in.GetInput())
	if err != nil {
		return nil, err
	}
	return &inferencev1.InferResponse{
		Model: in.GetModel(), Version: answer.Version, Labels: labels(answer.Labels), Text: answer.Text,
		Usage: usage(in, int64(len(answer.Text))), Charge: answer.Charge,
	}, nil
}

func (s *server) InferStream(in *inferencev1.InferRequest, out grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
	end, err := s.service.Stream(out.Context(), in.GetModel(), in.GetInput(), func(c inference.Chunk) error {
		return out.Send(&inferencev1.InferEvent{Event: &inferencev1.InferEvent_Chunk{
			Chunk: &inferencev1.Chunk{Text: c.Text, Labels: labels(c.Labels), Offset: c.Offset},
		}})
	})
	if err != nil {
		return err
	}
	return out.Send(&inferencev1.InferEvent{Event: &inferencev1.InferEvent_Done{Done: &inferencev1.Done{
		Model: in.GetModel(), Version: end.Version, Usage: usage(in, end.Output), Charge: end.Charge,
	}}})
}

func (s *server) Classify(ctx context.Context, in *inferencev1.ClassifyRequest) (*inferencev1.ClassifyResponse, error) {
	result, err := s.service.Classify(ctx, in.GetText())
	if err != nil {
		return nil, err
	}
	return &inferencev1.ClassifyResponse{
		Language: result.Labels[0].Label, Score: result.Labels[0].Score,
		Model: inference.Classifier, Version: result.Version,
	}, nil
}

func labels(in []inference.Label) []*inferencev1.Label {
	out := make([]*inferencev1.Label, len(in))
	for i, l := range in {
		out[i] = &inferencev1.Label{Label: l.Label, Score: l.Score}
	}
	return out
}

func usage(in *inferencev1.InferRequest, output int64) *inferencev1.Usage {
	return &inferencev1.Usage{InputBytes: int64(len(in.GetInput())), OutputBytes: output}
}
