CREATE TABLE rate_source (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_rate_source PRIMARY KEY (code)
)
-- next --
INSERT INTO rate_source (code) VALUES ('un'), ('ecb')
-- next --
CREATE TABLE rate_withdrawal_reason (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_rate_withdrawal_reason PRIMARY KEY (code)
)
-- next --
INSERT INTO rate_withdrawal_reason (code) VALUES ('wrong_file'), ('wrong_reading'), ('corrected_by_source'), ('other')
-- next --
CREATE TABLE rate_import (
	source VARCHAR(40) NOT NULL, 
	file_name VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	file_id UUID NOT NULL, 
	reading JSON NOT NULL, 
	rates INTEGER NOT NULL, 
	first_day DATE NOT NULL, 
	last_day DATE NOT NULL, 
	imported_by UUID, 
	imported_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	withdrawn_at TIMESTAMP WITH TIME ZONE, 
	withdrawn_by UUID, 
	withdrawal_reason VARCHAR(40), 
	id UUID NOT NULL, 
	CONSTRAINT pk_rate_import PRIMARY KEY (id), 
	CONSTRAINT ck_rate_import_holds_rates CHECK (rates > 0), 
	CONSTRAINT ck_rate_import_days_in_order CHECK (first_day <= last_day), 
	CONSTRAINT ck_rate_import_sha256_whole CHECK (length(sha256) = 64), 
	CONSTRAINT ck_rate_import_withdrawn_by_somebody CHECK ((withdrawn_at IS NULL AND withdrawn_by IS NULL AND withdrawal_reason IS NULL) OR (withdrawn_at IS NOT NULL AND withdrawn_by IS NOT NULL AND withdrawal_reason IS NOT NULL)), 
	CONSTRAINT uq_rate_import_source UNIQUE (id, source), 
	CONSTRAINT fk_rate_import_source FOREIGN KEY(source) REFERENCES rate_source (code), 
	CONSTRAINT uq_rate_import_file_id UNIQUE (file_id), 
	CONSTRAINT fk_rate_import_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_rate_import_imported_by FOREIGN KEY(imported_by) REFERENCES person (id), 
	CONSTRAINT fk_rate_import_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES person (id), 
	CONSTRAINT fk_rate_import_withdrawal_reason FOREIGN KEY(withdrawal_reason) REFERENCES rate_withdrawal_reason (code)
)
-- next --
CREATE INDEX ix_rate_import_sha256 ON rate_import (sha256)
-- next --
CREATE INDEX ix_rate_import_imported_at ON rate_import (imported_at)
-- next --
CREATE INDEX ix_rate_import_source ON rate_import (source)
-- next --
CREATE TRIGGER rate_import_no_update BEFORE UPDATE OF source, file_name, sha256, file_id, reading, rates, first_day, last_day, imported_by, imported_at, id ON rate_import FOR EACH ROW EXECUTE FUNCTION placard_refuse('rate_import is append-only')
-- next --
CREATE TRIGGER rate_import_no_delete BEFORE DELETE ON rate_import FOR EACH ROW EXECUTE FUNCTION placard_refuse('rate_import is append-only')
-- next --
CREATE TRIGGER rate_import_no_replace BEFORE TRUNCATE ON rate_import FOR EACH STATEMENT EXECUTE FUNCTION placard_refuse('rate_import is append-only')
-- next --
CREATE TRIGGER rate_import_withdrawn_once BEFORE UPDATE ON rate_import FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION placard_refuse('a withdrawal stands')
-- next --
CREATE TABLE exchange_rate (
	import_id UUID NOT NULL, 
	source VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	base VARCHAR(3) NOT NULL, 
	day DATE NOT NULL, 
	rate VARCHAR(19) NOT NULL, 
	withdrawn_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_exchange_rate PRIMARY KEY (id), 
	CONSTRAINT fk_exchange_rate_import FOREIGN KEY(import_id, source) REFERENCES rate_import (id, source), 
	CONSTRAINT ck_exchange_rate_currencies CHECK (length(currency) = 3 AND currency = upper(currency) AND length(base) = 3 AND currency <> base), 
	CONSTRAINT ck_exchange_rate_rate_is_positive CHECK (rate ~ '^[0-9]{1,10}([.][0-9]{1,8})?$' AND rate ~ '[1-9]')
)
-- next --
CREATE INDEX ix_exchange_rate_currency_day ON exchange_rate (currency, day)
-- next --
CREATE INDEX ix_exchange_rate_import_id ON exchange_rate (import_id)
-- next --
CREATE UNIQUE INDEX uq_exchange_rate_live ON exchange_rate (source, currency, day) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER exchange_rate_no_update BEFORE UPDATE OF import_id, source, currency, base, day, rate, id ON exchange_rate FOR EACH ROW EXECUTE FUNCTION placard_refuse('exchange_rate is append-only')
-- next --
CREATE TRIGGER exchange_rate_no_delete BEFORE DELETE ON exchange_rate FOR EACH ROW EXECUTE FUNCTION placard_refuse('exchange_rate is append-only')
-- next --
CREATE TRIGGER exchange_rate_no_replace BEFORE TRUNCATE ON exchange_rate FOR EACH STATEMENT EXECUTE FUNCTION placard_refuse('exchange_rate is append-only')
-- next --
CREATE OR REPLACE FUNCTION placard_rate_import_frees_days() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE exchange_rate SET withdrawn_at = NEW.withdrawn_at WHERE import_id = NEW.id; RETURN NULL; END $$
-- next --
CREATE TRIGGER rate_import_frees_days AFTER UPDATE OF withdrawn_at ON rate_import FOR EACH ROW EXECUTE FUNCTION placard_rate_import_frees_days()
-- next --
CREATE OR REPLACE FUNCTION placard_exchange_rate_enters_alive() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE its_import timestamptz; BEGIN SELECT withdrawn_at INTO its_import FROM rate_import WHERE id = NEW.import_id; IF NEW.withdrawn_at IS NOT NULL OR its_import IS NOT NULL THEN RAISE EXCEPTION 'a rate stands and falls with its import' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$
-- next --
CREATE TRIGGER exchange_rate_enters_alive BEFORE INSERT ON exchange_rate FOR EACH ROW EXECUTE FUNCTION placard_exchange_rate_enters_alive()
-- next --
CREATE OR REPLACE FUNCTION placard_exchange_rate_falls_with_import() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE its_import timestamptz; BEGIN SELECT withdrawn_at INTO its_import FROM rate_import WHERE id = NEW.import_id; IF NEW.withdrawn_at IS DISTINCT FROM its_import THEN RAISE EXCEPTION 'a rate stands and falls with its import' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$
-- next --
CREATE TRIGGER exchange_rate_falls_with_import BEFORE UPDATE ON exchange_rate FOR EACH ROW EXECUTE FUNCTION placard_exchange_rate_falls_with_import()
