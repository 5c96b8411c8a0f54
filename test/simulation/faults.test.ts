// Networks and processes fail in every way; the database itself loses nothing.
import { simulate } from "./run-schedules.ts";

simulate("faults, kills and lost bells", 0, { hands: false, breaks: false });
