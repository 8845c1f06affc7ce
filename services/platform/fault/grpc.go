package fault

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// errorDomain marks an ErrorInfo as ours: gRPC has fewer codes than we have kinds.
const errorDomain = "redoubt.example"

// ToStatus returns err as a gRPC status error that carries the kind and the safe message, never the cause.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	var f *fault
	if s, ok := status.FromError(err); ok && !errors.As(err, &f) {
		return status.Error(s.Code(), kindOfCode(s.Code()).Title()) // a library's own text is not for the wire
	}
	k := KindOf(err)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: k.String(), Domain: errorDomain}}
	if d := RetryDelay(err); d > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(d)})
	}
	s := status.New(k.Code(), Message(err))
	if detailed, detailErr := s.WithDetails(details...); detailErr == nil {
		s = detailed
	}
	return s.Err()
}

// BehindStatus is Behind for gRPC.
func BehindStatus(err error) bool {
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			k, known := kindNamed(info.GetReason())
			return known && k.behind()
		}
	}
	return false
}

// FromStatus returns the typed error that a gRPC status error stands for. An upstream's Internal is
// UpstreamFailed to us; an error that is no status stays what it is, and so does a fault, whose cause may be one.
func FromStatus(err error) error {
	var typed *fault
	s, ok := status.FromError(err)
	if err == nil || !ok || errors.As(err, &typed) {
		return err
	}
	f := &fault{kind: kindOfCode(s.Code())}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if k, known := kindNamed(d.GetReason()); known && d.GetDomain() == errorDomain {
				f.kind, f.message = k, s.Message()
			}
		case *errdetails.RetryInfo:
			f.after = d.GetRetryDelay().AsDuration()
		}
	}
	if f.kind == Internal {
		f.kind, f.message = UpstreamFailed, ""
	}
	if f.message == "" {
		f.message, f.cause = f.kind.Title(), err // a text that isn't ours may hold addresses: for the log alone
	}
	return f
}
