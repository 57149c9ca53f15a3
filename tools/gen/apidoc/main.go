// Command apidoc is a protoc plugin that prints docs/api.md: the services,
// messages and enums of the public API with their comments.
package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		out := plugin.NewGeneratedFile("api.md", "")
		out.P("# API reference")
		out.P()
		out.P("Generated from `proto/hcsroute/v1` by `make generate`; do not edit. Requests and")
		out.P("answers are protobuf messages over gRPC; errors carry a Reason of [errors.md](errors.md).")
		out.P("Examples in Go, Python and grpcurl are in [automation.md](automation.md).")
		for _, file := range plugin.Files {
			if file.Generate && strings.HasPrefix(file.Desc.Path(), "hcsroute/") {
				for _, service := range file.Services {
					printService(out, service)
				}
			}
		}
		for _, file := range plugin.Files {
			if file.Generate && strings.HasPrefix(file.Desc.Path(), "hcsroute/") {
				for _, message := range file.Messages {
					printMessage(out, message)
				}
				for _, enum := range file.Enums {
					printEnum(out, enum)
				}
			}
		}
		return nil
	})
}

func printService(out *protogen.GeneratedFile, service *protogen.Service) {
	out.P()
	out.P("## ", service.Desc.FullName())
	out.P()
	out.P(sentence(service.Comments))
	out.P()
	out.P("| Method | Request | Answer | |")
	out.P("|---|---|---|---|")
	for _, method := range service.Methods {
		stream := ""
		if method.Desc.IsStreamingServer() {
			stream = "stream of "
		}
		out.P("| `", method.Desc.Name(), "` | ", link(method.Input.Desc), " | ", stream, link(method.Output.Desc), " | ", sentence(method.Comments), " |")
	}
}

func printMessage(out *protogen.GeneratedFile, message *protogen.Message) {
	out.P()
	out.P("### ", message.Desc.Name())
	out.P()
	out.P(sentence(message.Comments))
	for _, enum := range message.Enums {
		printEnum(out, enum)
	}
	if len(message.Fields) == 0 {
		return
	}
	out.P()
	out.P("| Field | Type | |")
	out.P("|---|---|---|")
	for _, field := range message.Fields {
		out.P("| `", field.Desc.Name(), "` | ", fieldType(field.Desc), " | ", sentence(field.Comments), " |")
	}
}

func printEnum(out *protogen.GeneratedFile, enum *protogen.Enum) {
	out.P()
	out.P("### ", enum.Desc.Name())
	out.P()
	out.P(sentence(enum.Comments))
	out.P()
	out.P("| Value | Number | |")
	out.P("|---|---|---|")
	for _, value := range enum.Values {
		out.P("| `", value.Desc.Name(), "` | ", value.Desc.Number(), " | ", sentence(value.Comments), " |")
	}
}

func sentence(comments protogen.CommentSet) string {
	return strings.Join(strings.Fields(string(comments.Leading)), " ")
}

func link(message protoreflect.MessageDescriptor) string {
	name := string(message.Name())
	return "[" + name + "](#" + strings.ToLower(name) + ")"
}

func fieldType(field protoreflect.FieldDescriptor) string {
	if field.IsMap() {
		return "map of " + field.MapKey().Kind().String() + " to " + field.MapValue().Kind().String()
	}
	name := field.Kind().String()
	switch {
	case field.Message() != nil && strings.HasPrefix(string(field.Message().FullName()), "hcsroute."):
		name = link(field.Message())
	case field.Message() != nil:
		name = "`" + string(field.Message().FullName()) + "`"
	case field.Enum() != nil:
		name = "[" + string(field.Enum().Name()) + "](#" + strings.ToLower(string(field.Enum().Name())) + ")"
	}
	switch {
	case field.IsList():
		return "list of " + name
	case field.HasOptionalKeyword():
		return name + ", optional"
	}
	return name
}
