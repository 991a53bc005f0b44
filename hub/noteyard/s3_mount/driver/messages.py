"""The messages of CSI 1 and of the kubelet's plugin registration that are used here, by their fields' numbers.

Fields that are not listed are skipped when read and never sent.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
TRUTH = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
PART = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE

Fields = dict[str, tuple[int, Any]]
"""Number and type of each field; a type is one of the above, TEXTS, TEXT_MAP, or the name of a message of the file."""
TEXTS = "texts"
TEXT_MAP = "text map"

CSI: dict[str, Fields] = {
    "GetPluginInfoRequest": {},
    "GetPluginInfoResponse": {"name": (1, TEXT), "vendor_version": (2, TEXT)},
    "GetPluginCapabilitiesRequest": {},
    "GetPluginCapabilitiesResponse": {},
    "ProbeRequest": {},
    "ProbeResponse": {"ready": (1, "Truth")},
    # As google.protobuf.BoolValue is sent.
    "Truth": {"value": (1, TRUTH)},
    "NodeGetInfoRequest": {},
    "NodeGetInfoResponse": {"node_id": (1, TEXT)},
    "NodeGetCapabilitiesRequest": {},
    "NodeGetCapabilitiesResponse": {},
    "NodePublishVolumeRequest": {
        "volume_id": (1, TEXT),
        "target_path": (4, TEXT),
        "volume_capability": (5, "VolumeCapability"),
        "volume_context": (8, TEXT_MAP),
    },
    "VolumeCapability": {"block": (1, "Nothing"), "mount": (2, "Nothing")},
    "Nothing": {},
    "NodePublishVolumeResponse": {},
    "NodeUnpublishVolumeRequest": {"volume_id": (1, TEXT), "target_path": (2, TEXT)},
    "NodeUnpublishVolumeResponse": {},
}
REGISTRATION: dict[str, Fields] = {
    "InfoRequest": {},
    "PluginInfo": {"type": (1, TEXT), "name": (2, TEXT), "endpoint": (3, TEXT), "supported_versions": (4, TEXTS)},
    "RegistrationStatus": {"plugin_registered": (1, TRUTH), "error": (2, TEXT)},
    "RegistrationStatusResponse": {},
}


def _classes(package: str, messages: dict[str, Fields]) -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, f".{package}", field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _add(message: descriptor_pb2.DescriptorProto, package: str, field: str, number: int, kind: Any) -> None:
    made = message.field.add(name=field, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    if kind in (TEXTS, TEXT_MAP):
        made.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if kind == TEXT_MAP:
        entry = message.nested_type.add(name="".join(word.capitalize() for word in field.split("_")) + "Entry")
        entry.options.map_entry = True
        _add(entry, package, "key", 1, TEXT)
        _add(entry, package, "value", 2, TEXT)
        made.type, made.type_name = PART, f"{package}.{message.name}.{entry.name}"
    elif kind == TEXTS:
        made.type = TEXT
    elif isinstance(kind, str):
        made.type, made.type_name = PART, f"{package}.{kind}"
    else:
        made.type = kind


csi = _classes("csi.v1", CSI)
registration = _classes("pluginregistration", REGISTRATION)
