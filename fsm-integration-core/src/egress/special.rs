use super::AddressRange;

/// The only block out of which IPv6 addresses are given to anybody (IANA, "IPv6 Address Space").
///
/// All else is special, reserved or an IPv4 address in disguise.
pub(super) const GLOBAL_UNICAST: AddressRange = AddressRange::v6([0x2000, 0, 0], 3);

/// The IANA special-purpose registries (RFC 6890 and what was registered since), of IPv6 those in [`GLOBAL_UNICAST`].
#[rustfmt::skip]
pub(super) const NOT_PUBLIC: [AddressRange; 20] = [
    AddressRange::v4([0, 0, 0, 0], 8),           // this network
    AddressRange::v4([10, 0, 0, 0], 8),          // private
    AddressRange::v4([100, 64, 0, 0], 10),       // carrier-grade NAT
    AddressRange::v4([127, 0, 0, 0], 8),         // loopback
    AddressRange::v4([169, 254, 0, 0], 16),      // link-local, cloud metadata
    AddressRange::v4([172, 16, 0, 0], 12),       // private
    AddressRange::v4([192, 0, 0, 0], 24),        // protocol assignments
    AddressRange::v4([192, 0, 2, 0], 24),        // documentation
    AddressRange::v4([192, 88, 99, 0], 24),      // 6to4 relay
    AddressRange::v4([192, 168, 0, 0], 16),      // private
    AddressRange::v4([198, 18, 0, 0], 15),       // benchmarks
    AddressRange::v4([198, 51, 100, 0], 24),     // documentation
    AddressRange::v4([203, 0, 113, 0], 24),      // documentation
    AddressRange::v4([224, 0, 0, 0], 4),         // multicast
    AddressRange::v4([240, 0, 0, 0], 4),         // reserved, broadcast
    AddressRange::v6([0x2001, 0, 0], 23),        // Teredo, protocol assignments
    AddressRange::v6([0x2001, 0xdb8, 0], 32),    // documentation
    AddressRange::v6([0x2002, 0, 0], 16),        // 6to4
    AddressRange::v6([0x3ffe, 0, 0], 16),        // 6bone, returned
    AddressRange::v6([0x3fff, 0, 0], 20),        // documentation
];

/// `::ffff:0:0/96`.
pub(super) const MAPPED: AddressRange = AddressRange::v6_at(0xffff_u128 << 32, 96);
/// `::ffff:0:0:0/96`.
pub(super) const TRANSLATED: AddressRange = AddressRange::v6_at(0xffff_u128 << 48, 96);
/// `64:ff9b::/96` (RFC 6052).
pub(super) const NAT64: AddressRange = AddressRange::v6([0x64, 0xff9b, 0], 96);
/// `64:ff9b:1::/48` (RFC 8215).
pub(super) const LOCAL_NAT64: AddressRange = AddressRange::v6([0x64, 0xff9b, 1], 48);

/// Ranges whose last 32 bits are an IPv4 address.
pub(super) const ENDING_IN_IPV4: [AddressRange; 4] =
    [MAPPED, TRANSLATED, NAT64, AddressRange::v6([0x64, 0xff9b, 1], 96)];
