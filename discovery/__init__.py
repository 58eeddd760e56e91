"""Discovery: where candidate peers come from. A source hints; the mesh decides."""

from zmqlayer.discovery.combined import Combined
from zmqlayer.discovery.dns import DnsDiscovery
from zmqlayer.discovery.mdns import MdnsDiscovery
from zmqlayer.discovery.static import StaticDiscovery

__all__ = ["Combined", "DnsDiscovery", "MdnsDiscovery", "StaticDiscovery"]
