// What JavaScript relies on in <linux/tcp.h>, which goes with no other header about TCP.
#include <linux/filter.h>
#include <linux/tcp.h>

#include <cstddef>

#define NEARMETAL_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#define NEARMETAL_AT(type, field, offset) \
  static_assert(offsetof(type, field) == (offset), #type "." #field)

NEARMETAL_SIZE(sock_filter, 8);
NEARMETAL_AT(sock_filter, k, 4);
NEARMETAL_AT(tcp_info, tcpi_rto, 8);
NEARMETAL_AT(tcp_info, tcpi_last_data_sent, 44);
NEARMETAL_AT(tcp_info, tcpi_rtt, 68);
NEARMETAL_AT(tcp_info, tcpi_total_retrans, 100);
NEARMETAL_AT(tcp_info, tcpi_bytes_acked, 120);
NEARMETAL_AT(tcp_info, tcpi_min_rtt, 148);
NEARMETAL_AT(tcp_info, tcpi_delivery_rate, 160);
NEARMETAL_AT(tcp_info, tcpi_delivered, 192);
NEARMETAL_AT(tcp_info, tcpi_bytes_retrans, 208);
