"""Reads event files as the published format has them: protobuf's own Python with fields as TensorFlow publishes them
(written down here once more, not taken from src/event.proto), and python3-crc32c."""

import struct

import crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def event_class():
    """tensorflow.Event, as far as scalars go: name, number and type of each field."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="tensorflow", syntax="proto3")
    fields = {
        "Event": [("wall_time", 1, kinds.TYPE_DOUBLE, None, None), ("step", 2, kinds.TYPE_INT64, None, None),
                  ("file_version", 3, kinds.TYPE_STRING, "what", None),
                  ("graph_def", 4, kinds.TYPE_BYTES, "what", None),
                  ("summary", 5, kinds.TYPE_MESSAGE, "what", "Summary")],
        "Summary": [("value", 1, kinds.TYPE_MESSAGE, None, "Value")],
        "Value": [("node_name", 7, kinds.TYPE_STRING, None, None), ("tag", 1, kinds.TYPE_STRING, None, None),
                  ("simple_value", 2, kinds.TYPE_FLOAT, "value", None)],
    }
    for name, members in fields.items():
        message = file.message_type.add(name=name)
        for field, number, kind, group, other in members:
            made = message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
            if name == "Summary":
                made.label = kinds.LABEL_REPEATED
            if other:
                made.type_name = f".tensorflow.{other}"
            if group:
                if not message.oneof_decl:
                    message.oneof_decl.add(name=group)
                made.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("tensorflow.Event"))


Event = event_class()


def masked(data):
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def read(path, data, cut_off=False):
    """The events of a file's bytes. cut_off: the last one may be there in part, and is left out then."""
    at, events = 0, []
    while at < len(data):
        length = struct.unpack_from("<Q", data.ljust(at + 8, b"\0"), at)[0]
        if cut_off and at + length + 16 > len(data):
            break
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at:at + 8]), f"{path}: checksum of a length at {at}"
        message = data[at + 12:at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(message), f"{path}: checksum at {at}"
        events.append(Event.FromString(message))
        assert not events[-1].UnknownFields(), f"{path}: a field that is not published"
        at += length + 16
    return events
