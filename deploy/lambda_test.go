package deploy

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// cfnStack is what CloudFormation makes of a template and the values of its
// parameters. It knows what our templates use, and no more.
type cfnStack struct {
	t          *testing.T
	parameters map[string]any
	conditions *yaml.Node
	names      []string        // of resources, also of those that the transform adds
	used       map[string]bool // parameters and conditions
}

// cfnNoValue stands for something that is left out.
type cfnNoValue struct{}

func cfnMember(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{Kind: yaml.MappingNode}
}

func cfnKeys(n *yaml.Node) []string {
	var names []string
	for i := 0; i < len(n.Content); i += 2 {
		names = append(names, n.Content[i].Value)
	}
	return names
}

// cfnBuild returns the stack's resources and outputs, with nothing left to look up.
func cfnBuild(t *testing.T, given map[string]string) (resources, outputs map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(lambdaTemplate)
	require.NoError(t, err)
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(raw, &document))
	template := document.Content[0]

	s := &cfnStack{t: t, parameters: map[string]any{}, conditions: cfnMember(template, "Conditions"), used: map[string]bool{}}
	parameters := cfnMember(template, "Parameters")
	for _, name := range cfnKeys(parameters) {
		value, ok := given[name]
		if fallback := cfnMember(cfnMember(parameters, name), "Default"); !ok {
			require.Equal(t, yaml.ScalarNode, fallback.Kind, "%s has to be given", name)
			value = fallback.Value
		}
		if pattern := cfnMember(cfnMember(parameters, name), "AllowedPattern").Value; pattern != "" {
			require.Regexp(t, pattern, value, name)
		}
		s.parameters[name] = value
		if cfnMember(cfnMember(parameters, name), "Type").Value == "CommaDelimitedList" {
			s.parameters[name] = cfnAnys(strings.Split(value, ","))
		}
	}
	for name := range given {
		require.Contains(t, s.parameters, name)
	}
	for _, name := range cfnKeys(cfnMember(template, "Resources")) {
		s.names = append(s.names, name)
		if cfnMember(cfnMember(template, "Resources"), name).Content[1].Value == "AWS::Serverless::Function" {
			s.names = append(s.names, name+"Url")
		}
	}
	resources = s.value(cfnMember(template, "Resources")).(map[string]any)
	outputs = s.value(cfnMember(template, "Outputs")).(map[string]any)
	for _, name := range slices.Concat(cfnKeys(parameters), cfnKeys(s.conditions)) {
		require.True(t, s.used[name], "%s is of no use", name)
	}
	return resources, outputs
}

func cfnAnys(words []string) []any {
	all := make([]any, len(words))
	for i, word := range words {
		all[i] = word
	}
	return all
}

var cfnPlaceholder = regexp.MustCompile(`\$\{([^}]+)\}`)

func (s *cfnStack) value(n *yaml.Node) any {
	s.t.Helper()
	switch n.Tag {
	case "!Ref":
		return s.ref(n.Value)
	case "!GetAtt":
		return s.attribute(n.Value)
	case "!Sub":
		local := map[string]any{}
		text := n.Value
		if n.Kind == yaml.SequenceNode {
			text = n.Content[0].Value
			local = s.value(n.Content[1]).(map[string]any)
		}
		return cfnPlaceholder.ReplaceAllStringFunc(text, func(found string) string {
			name := found[2 : len(found)-1]
			if value, ok := local[name]; ok {
				return value.(string)
			}
			if strings.Contains(name, ".") {
				return s.attribute(name)
			}
			return s.ref(name).(string)
		})
	case "!If":
		require.Len(s.t, n.Content, 3)
		yes, no := s.value(n.Content[1]), s.value(n.Content[2]) // both, for their names
		if s.condition(n.Content[0].Value) {
			return yes
		}
		return no
	case "!Not":
		return !s.value(n.Content[0]).(bool)
	case "!Equals":
		return s.value(n.Content[0]) == s.value(n.Content[1])
	case "!Join":
		var words []string
		for _, word := range s.value(n.Content[1]).([]any) {
			words = append(words, word.(string))
		}
		return strings.Join(words, s.value(n.Content[0]).(string))
	}
	require.False(s.t, strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"), "%s is not known here", n.Tag)
	switch n.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			if value := s.value(n.Content[i+1]); value != (cfnNoValue{}) {
				all[n.Content[i].Value] = value
			}
		}
		return all
	case yaml.SequenceNode:
		all := []any{}
		for _, content := range n.Content {
			if value := s.value(content); value != (cfnNoValue{}) {
				all = append(all, value)
			}
		}
		return all
	default:
		return n.Value
	}
}

func (s *cfnStack) ref(name string) any {
	s.t.Helper()
	if name == "AWS::NoValue" {
		return cfnNoValue{}
	}
	if value, ok := s.parameters[name]; ok {
		s.used[name] = true
		return value
	}
	if pseudo, ok := strings.CutPrefix(name, "AWS::"); ok {
		require.Contains(s.t, []string{"Partition", "Region", "AccountId", "StackName"}, pseudo)
		return pseudo
	}
	require.Contains(s.t, s.names, name)
	return name
}

func (s *cfnStack) attribute(name string) string {
	s.t.Helper()
	resource, _, _ := strings.Cut(name, ".")
	require.Contains(s.t, s.names, resource)
	return name
}

func (s *cfnStack) condition(name string) bool {
	s.t.Helper()
	require.Contains(s.t, cfnKeys(s.conditions), name)
	s.used[name] = true
	return s.value(cfnMember(s.conditions, name)).(bool)
}

// cfnAt follows names through maps.
func cfnAt(t *testing.T, all any, path ...string) any {
	t.Helper()
	for _, name := range path {
		require.Contains(t, all, name)
		all = all.(map[string]any)[name]
	}
	return all
}

// cfnList is one thing or several, as policies write it.
func cfnList(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}

const lambdaTemplate = "lambda/template.yaml"

// The least, and all, that can be given.
var (
	leastLambda = map[string]string{
		"CodeBucket": "code", "CodePrefix": "parley/1", "SinchProjectId": "project", "SinchAppId": "app", "SinchSmsSender": "+12065550100",
		"TemporalAddress": "temporal.example:7233",
	}
	allOfLambda = func() map[string]string {
		all := maps.Clone(leastLambda)
		maps.Copy(all, map[string]string{ //nolint:gosec // where secrets are, not what they are
			"Architecture": "x86_64", "SinchRegion": "eu", "SinchWebhookSecretParameter": "/ours/webhook", "SinchReceiptsSecretParameter": "/ours/receipts",
			"SecretsKmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1", "TemporalNamespace": "sms.acct", "TemporalApiKeyParameter": "/ours/api-key",
			"EncryptionKeysParameter": "/ours/encryption-keys",
			"SubnetIds":               "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "MemorySize": "1024", "ReservedConcurrency": "20", "LogRetentionDays": "7",
		})
		return all
	}()
)

func TestLambdaFunction(t *testing.T) {
	resources, outputs := cfnBuild(t, leastLambda)
	function := cfnAt(t, resources, "WebhookFunction", "Properties")
	require.Equal(t, map[string]any{"Bucket": "code", "Key": "parley/1/webhook-arm64.zip"}, cfnAt(t, function, "CodeUri"))
	require.Equal(t, []any{"arm64"}, cfnAt(t, function, "Architectures"))
	require.Equal(t, "provided.al2023", cfnAt(t, function, "Runtime"))
	require.Equal(t, "10", cfnAt(t, function, "Timeout"), "that of the tests with the program")
	require.NotContains(t, function, "VpcConfig")
	require.NotContains(t, function, "ReservedConcurrentExecutions")
	require.Equal(t, map[string]any{
		"AuthType":   "NONE",
		"InvokeMode": "BUFFERED", // what webhook/lambda.go answers is no stream
	}, cfnAt(t, function, "FunctionUrlConfig"))
	require.Equal(t, "WebhookFunctionUrl.FunctionUrlwebhooks/sinch", cfnAt(t, outputs, "WebhookUrl", "Value"), "the URL ends with a slash")
	require.Equal(t, "WebhookFunctionUrl.FunctionUrlwebhooks/sinch/receipts", cfnAt(t, outputs, "WebhookReceiptsUrl", "Value"))
	require.Equal(t, ".bin/parley webhook register --sinch-region us --sinch-project-id project --sinch-app-id app --url WebhookFunctionUrl.FunctionUrlwebhooks/sinch",
		cfnAt(t, outputs, "RegisterCommand", "Value"))

	resources, _ = cfnBuild(t, allOfLambda)
	function = cfnAt(t, resources, "WebhookFunction", "Properties")
	require.Equal(t, "parley/1/webhook-amd64.zip", cfnAt(t, function, "CodeUri", "Key"))
	require.Equal(t, map[string]any{"SubnetIds": []any{"subnet-1", "subnet-2"}, "SecurityGroupIds": []any{"sg-1"}}, cfnAt(t, function, "VpcConfig"))
	require.Equal(t, "20", cfnAt(t, function, "ReservedConcurrentExecutions"))
	require.Equal(t, "7", cfnAt(t, resources, "WebhookLog", "Properties", "RetentionInDays"))
}

func TestLambdaSettings(t *testing.T) {
	example, err := os.ReadFile("../.env.example")
	require.NoError(t, err)
	for _, given := range []map[string]string{leastLambda, allOfLambda} {
		resources, _ := cfnBuild(t, given)
		variables := cfnAt(t, resources, "WebhookFunction", "Properties", "Environment", "Variables").(map[string]any)
		for name := range variables {
			value, isPlace := strings.CutSuffix(name, "_PARAM")
			require.Regexp(t, `(?m)^#?`+value+`=`, string(example))
			if strings.Contains(name, "SECRET") || strings.Contains(name, "KEY") {
				require.True(t, isPlace, "%s would be readable in the console", name)
			}
		}
		require.Equal(t, "24h", variables["SINCH_WEBHOOK_TOLERANCE"])
		require.Equal(t, given["SinchReceiptsSecretParameter"] != "", variables["SINCH_RECEIPTS_SECRET_PARAM"] != nil)
		require.Equal(t, given["TemporalApiKeyParameter"] != "", variables["TEMPORAL_API_KEY_PARAM"] != nil)
		require.Equal(t, given["EncryptionKeysParameter"] != "", variables["PARLEY_ENCRYPTION_KEYS_PARAM"] != nil)
	}
}

// TestLambdaMayReadNoMoreThanItsSecrets: not the access key above all.
func TestLambdaMayReadNoMoreThanItsSecrets(t *testing.T) {
	for _, given := range []map[string]string{leastLambda, allOfLambda} {
		resources, _ := cfnBuild(t, given)
		require.Equal(t, "WebhookRole.Arn", cfnAt(t, resources, "WebhookFunction", "Properties", "Role"))
		require.NotContains(t, cfnAt(t, resources, "WebhookFunction", "Properties"), "Policies", "which SAM would widen")
		role := cfnAt(t, resources, "WebhookRole", "Properties")

		var secrets []any
		for name, value := range cfnAt(t, resources, "WebhookFunction", "Properties", "Environment", "Variables").(map[string]any) {
			if strings.HasSuffix(name, "_PARAM") {
				secrets = append(secrets, "arn:Partition:ssm:Region:AccountId:parameter"+value.(string))
			}
		}
		allowed := map[string][]any{
			"logs:CreateLogStream": {"WebhookLog.Arn"},
			"logs:PutLogEvents":    {"WebhookLog.Arn"},
			"ssm:GetParameter":     secrets,
		}
		managed := []any{}
		if given["SubnetIds"] != "" {
			managed = append(managed, "arn:Partition:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")
		}
		require.Equal(t, managed, cfnAt(t, role, "ManagedPolicyArns"))
		if key := given["SecretsKmsKeyArn"]; key != "" {
			allowed["kms:Decrypt"] = []any{key}
		}

		policies := cfnList(cfnAt(t, role, "Policies"))
		require.Len(t, policies, 1)
		granted := map[string][]any{}
		for _, statement := range cfnList(cfnAt(t, policies[0], "PolicyDocument", "Statement")) {
			require.Equal(t, "Allow", cfnAt(t, statement, "Effect"))
			for _, action := range cfnList(cfnAt(t, statement, "Action")) {
				granted[action.(string)] = cfnList(cfnAt(t, statement, "Resource"))
				if action == "kms:Decrypt" {
					require.Equal(t, "ssm.Region.amazonaws.com", cfnAt(t, statement, "Condition", "StringEquals", "kms:ViaService"))
				}
			}
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(allowed)), slices.Collect(maps.Keys(granted)))
		for action, resources := range granted {
			require.ElementsMatch(t, allowed[action], resources, action)
		}
	}
}

// TestLambdaPack: the runtime starts the one file, and a second build is the same.
func TestLambdaPack(t *testing.T) {
	program := filepath.Join(t.TempDir(), "webhook")
	require.NoError(t, os.WriteFile(program, bytes.Repeat([]byte("program "), 1000), 0o600)) // whatever the file's own mode
	var built [2][]byte
	for i := range built {
		name := filepath.Join(t.TempDir(), "webhook.zip")
		said, err := exec.CommandContext(t.Context(), "go", "run", "./lambda/pack", program, name).CombinedOutput()
		require.NoError(t, err, "%s", said)
		built[i], err = os.ReadFile(name)
		require.NoError(t, err)
		yesterday := time.Now().Add(-24 * time.Hour)
		require.NoError(t, os.Chtimes(program, yesterday, yesterday))
	}
	require.Equal(t, built[0], built[1])
	archive, err := zip.NewReader(bytes.NewReader(built[0]), int64(len(built[0])))
	require.NoError(t, err)
	require.Len(t, archive.File, 1)
	require.Equal(t, "bootstrap", archive.File[0].Name)
	require.Equal(t, os.FileMode(0o755), archive.File[0].Mode())
	require.EqualValues(t, 8000, archive.File[0].UncompressedSize64)
}
