/** The channel that PostgreSQL nodes listen on, and that each commit notifies. */
export const notifyChannel = "switchyard_sync";
