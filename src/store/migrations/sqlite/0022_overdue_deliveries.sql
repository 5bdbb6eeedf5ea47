-- What waits past its time is found by that time: its webhook may be turned off, and never come to it.
CREATE INDEX webhook_deliveries_give_up ON webhook_deliveries (give_up_at) WHERE status = 'queued';
