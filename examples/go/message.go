package main

import (
	"bytes"
	"context"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reads the CloudEvent of a record, in either encoding. The SDK has bindings for other Kafka clients;
// this is the one for franz-go.
func read(record *kgo.Record) (*event.Event, error) {
	return binding.ToEvent(context.Background(), (*message)(record))
}

type message kgo.Record

var versions = spec.WithPrefix("ce_")

func (m *message) header(name string) any {
	for _, header := range m.Headers {
		if strings.EqualFold(header.Key, name) {
			return string(header.Value)
		}
	}
	return nil
}

func (m *message) version() spec.Version {
	name, _ := m.header(versions.PrefixedSpecVersionName()).(string)
	return versions.Version(name)
}

func (m *message) format() format.Format {
	contentType, _ := m.header("content-type").(string)
	return format.Lookup(contentType)
}

func (m *message) ReadEncoding() binding.Encoding {
	switch {
	case m.format() != nil:
		return binding.EncodingStructured
	case m.version() != nil:
		return binding.EncodingBinary
	default:
		return binding.EncodingUnknown
	}
}

func (m *message) ReadStructured(ctx context.Context, writer binding.StructuredWriter) error {
	if m.ReadEncoding() != binding.EncodingStructured {
		return binding.ErrNotStructured
	}
	return writer.SetStructuredEvent(ctx, m.format(), bytes.NewReader(m.Value))
}

func (m *message) ReadBinary(_ context.Context, writer binding.BinaryWriter) error {
	if m.ReadEncoding() != binding.EncodingBinary {
		return binding.ErrNotBinary
	}
	version := m.version()
	if contentType := m.header("content-type"); contentType != nil {
		attribute := version.AttributeFromKind(spec.DataContentType)
		if err := writer.SetAttribute(attribute, contentType); err != nil {
			return err
		}
	}
	for _, header := range m.Headers {
		name, isAttribute := strings.CutPrefix(strings.ToLower(header.Key), versions.Prefix())
		if !isAttribute {
			continue
		}
		var err error
		if attribute := version.Attribute(header.Key); attribute != nil {
			err = writer.SetAttribute(attribute, string(header.Value))
		} else {
			err = writer.SetExtension(name, string(header.Value))
		}
		if err != nil {
			return err
		}
	}
	return writer.SetData(bytes.NewReader(m.Value))
}

func (m *message) GetAttribute(kind spec.Kind) (spec.Attribute, any) {
	attribute := m.version().AttributeFromKind(kind)
	if attribute == nil {
		return nil, nil
	}
	return attribute, m.header(attribute.PrefixedName())
}

func (m *message) GetExtension(name string) any { return m.header(versions.Prefix() + name) }

func (m *message) Finish(error) error { return nil }
