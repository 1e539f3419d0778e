// Package parameters reads secrets from AWS Systems Manager Parameter Store.
package parameters
