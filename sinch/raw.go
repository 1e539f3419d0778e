package sinch

import "context"

// Call makes a call that has no method of its own here, for a program that looks
// at how Sinch answers. The path is what follows the project's; private is what
// the request holds and an error must not repeat. It returns the answer as it
// came, which is 2xx. Errors are *Error.
func (c *Client) Call(ctx context.Context, method, path string, payload any, private ...string) ([]byte, error) {
	answer, failure := c.call(ctx, method, path, payload, private...)
	if failure != nil {
		return nil, failure
	}
	return answer, nil
}
