package openai

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"redoubt.example/services/platform/fault"
)

// maxWait bounds what a server may tell our callers to wait.
const maxWait = time.Hour

// refusal maps a status to what it means to our caller. That our own key is refused is not the caller's business.
func refusal(resp *http.Response) error {
	cause := fmt.Errorf("upstream model server answered %d", resp.StatusCode)
	var err error
	switch resp.StatusCode {
	case http.StatusNotFound:
		err = fault.Wrap(fault.NotFound, cause, "no such model")
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		err = fault.Wrap(fault.Unprocessable, cause, "the model refused this input")
	case http.StatusRequestEntityTooLarge:
		err = fault.Wrap(fault.TooLarge, cause, "the input is too large for this model")
	case http.StatusTooManyRequests:
		err = fault.Wrap(fault.RateLimited, cause, "the model is asked too often")
	case http.StatusServiceUnavailable:
		err = fault.Wrap(fault.Unavailable, cause, "the model is unavailable")
	case http.StatusGatewayTimeout:
		err = fault.Wrap(fault.Timeout, cause, "the model took too long")
	default:
		err = fault.Wrap(fault.UpstreamFailed, cause, "the model's server failed")
	}
	if s, parseErr := strconv.Atoi(resp.Header.Get("Retry-After")); parseErr == nil && s > 0 {
		err = fault.RetryAfter(err, min(time.Duration(s)*time.Second, maxWait))
	}
	return err
}

// failure types an error of the way there or back. ctx is the caller's.
func failure(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case fault.KindOf(err) == fault.BreakerOpen:
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.Wrap(fault.Canceled, err, "request canceled")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errIdle), errors.As(err, &timeout) && timeout.Timeout():
		return fault.Wrap(fault.Timeout, err, "the model took too long")
	}
	return fault.Wrap(fault.UpstreamFailed, err, "the model's server can't be reached")
}

func malformed(err error) error {
	return fault.Wrap(fault.UpstreamFailed, err, "the model's server answered with something else than a completion")
}

func tooLong() error {
	return fault.New(fault.UpstreamFailed, "the model's answer is longer than %d KiB", maxOutput>>10)
}
