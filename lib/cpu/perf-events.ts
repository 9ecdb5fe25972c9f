/** The events that a counter may count, and `struct perf_event_attr` for each. */
import * as abi from '../abi.js';

const hardware = (config: number) => ({ type: abi.PERF_TYPE_HARDWARE, config, inKernel: false });
/** Those that happen in the kernel only would count nothing where it is left out. */
const software = (config: number, inKernel = false) => ({
  type: abi.PERF_TYPE_SOFTWARE,
  config,
  inKernel,
});
const OPERATION_SHIFT = 8;
const RESULT_SHIFT = 16;
const cache = (which: number, result: number) => ({
  type: abi.PERF_TYPE_HW_CACHE,
  config: which | (abi.PERF_COUNT_HW_CACHE_OP_READ << OPERATION_SHIFT) | (result << RESULT_SHIFT),
  inKernel: false,
});
const { PERF_COUNT_HW_CACHE_RESULT_ACCESS: ACCESS, PERF_COUNT_HW_CACHE_RESULT_MISS: MISS } = abi;

export const PERF_EVENTS = {
  cycles: hardware(abi.PERF_COUNT_HW_CPU_CYCLES),
  'ref-cycles': hardware(abi.PERF_COUNT_HW_REF_CPU_CYCLES),
  instructions: hardware(abi.PERF_COUNT_HW_INSTRUCTIONS),
  branches: hardware(abi.PERF_COUNT_HW_BRANCH_INSTRUCTIONS),
  'branch-misses': hardware(abi.PERF_COUNT_HW_BRANCH_MISSES),
  'cache-references': hardware(abi.PERF_COUNT_HW_CACHE_REFERENCES),
  'cache-misses': hardware(abi.PERF_COUNT_HW_CACHE_MISSES),
  'stalled-cycles-frontend': hardware(abi.PERF_COUNT_HW_STALLED_CYCLES_FRONTEND),
  'stalled-cycles-backend': hardware(abi.PERF_COUNT_HW_STALLED_CYCLES_BACKEND),
  'l1d-loads': cache(abi.PERF_COUNT_HW_CACHE_L1D, ACCESS),
  'l1d-misses': cache(abi.PERF_COUNT_HW_CACHE_L1D, MISS),
  'llc-misses': cache(abi.PERF_COUNT_HW_CACHE_LL, MISS),
  'dtlb-loads': cache(abi.PERF_COUNT_HW_CACHE_DTLB, ACCESS),
  'dtlb-misses': cache(abi.PERF_COUNT_HW_CACHE_DTLB, MISS),
  'itlb-misses': cache(abi.PERF_COUNT_HW_CACHE_ITLB, MISS),
  /** Nanoseconds. */
  'task-clock': software(abi.PERF_COUNT_SW_TASK_CLOCK),
  'page-faults': software(abi.PERF_COUNT_SW_PAGE_FAULTS),
  'minor-faults': software(abi.PERF_COUNT_SW_PAGE_FAULTS_MIN),
  'major-faults': software(abi.PERF_COUNT_SW_PAGE_FAULTS_MAJ),
  'context-switches': software(abi.PERF_COUNT_SW_CONTEXT_SWITCHES, true),
  'cpu-migrations': software(abi.PERF_COUNT_SW_CPU_MIGRATIONS, true),
} as const;

export type PerfEvent = keyof typeof PERF_EVENTS;

const ATTRIBUTES_BYTES = 112;
const SIZE_AT = 4;
const CONFIG_AT = 8;
const FORMAT_AT = 32;
const FLAGS_AT = 40;
const DISABLED = 1 << 0;
const EXCLUDE_USER = 1 << 4;
const EXCLUDE_KERNEL = 1 << 5;
const EXCLUDE_HYPERVISOR = 1 << 6;

export interface Mode {
  readonly user: boolean;
  readonly kernel: boolean;
}

/** The members of a group start and stop with their leader, so only it begins switched off. */
export function perfAttributes(
  event: PerfEvent,
  mode: Mode,
  grouped: boolean,
  leads: boolean,
): DataView {
  const { type, config } = PERF_EVENTS[event];
  const view = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
  const times = abi.PERF_FORMAT_TOTAL_TIME_ENABLED | abi.PERF_FORMAT_TOTAL_TIME_RUNNING;
  view.setUint32(0, type, true);
  view.setUint32(SIZE_AT, ATTRIBUTES_BYTES, true);
  view.setUint32(CONFIG_AT, config, true);
  view.setUint32(FORMAT_AT, times | (grouped ? abi.PERF_FORMAT_GROUP : 0), true);
  view.setUint32(
    FLAGS_AT,
    EXCLUDE_HYPERVISOR |
      (leads ? DISABLED : 0) |
      (mode.user ? 0 : EXCLUDE_USER) |
      (mode.kernel ? 0 : EXCLUDE_KERNEL),
    true,
  );
  return view;
}
