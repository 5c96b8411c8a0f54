// The database itself goes back: failovers that lose commits, restored backups, new epochs.
import { simulate } from "./run-schedules.ts";

simulate("lost tails and restored backups", 1_000_003, { hands: false, breaks: true });
