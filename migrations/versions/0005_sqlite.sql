CREATE TABLE event (
	occurred_at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	actor VARCHAR(60) NOT NULL, 
	actor_id CHAR(32), 
	tag VARCHAR(80) NOT NULL, 
	subject_type VARCHAR(40) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	from_state VARCHAR(40), 
	to_state VARCHAR(40), 
	reason VARCHAR(60), 
	data JSON NOT NULL, 
	commitment VARCHAR(64), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (id)
)
-- next --
CREATE INDEX ix_event_actor_id ON event (actor_id)
-- next --
CREATE INDEX ix_event_recorded_at ON event (recorded_at)
-- next --
CREATE INDEX ix_event_subject_type_subject_id_recorded_at ON event (subject_type, subject_id, recorded_at)
-- next --
CREATE INDEX ix_event_tag ON event (tag)
-- next --
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END
-- next --
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END
-- next --
CREATE TRIGGER event_no_replace BEFORE INSERT ON event WHEN EXISTS (SELECT 1 FROM event WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'event is append-only'); END
-- next --
CREATE TABLE job_run (
	name VARCHAR(60) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), 
	business_at VARCHAR(27) NOT NULL, 
	done INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	error VARCHAR(120), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_job_run PRIMARY KEY (id)
)
-- next --
CREATE INDEX ix_job_run_name_started_at ON job_run (name, started_at)
-- next --
CREATE INDEX ix_job_run_started_at ON job_run (started_at)
-- next --
CREATE TABLE job_tick (
	name VARCHAR(60) NOT NULL, 
	woke_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_job_tick PRIMARY KEY (name)
)
-- next --
CREATE TABLE outbox_mail (
	kind VARCHAR(60) NOT NULL, 
	dedupe_key VARCHAR(120), 
	to_address VARCHAR(320), 
	subject VARCHAR(300), 
	body TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	sent_at VARCHAR(27), 
	attempts INTEGER NOT NULL, 
	last_error VARCHAR(80), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_outbox_mail PRIMARY KEY (id), 
	CONSTRAINT uq_outbox_mail_dedupe_key UNIQUE (dedupe_key)
)
-- next --
CREATE INDEX ix_outbox_mail_due ON outbox_mail (due_at) WHERE sent_at IS NULL
-- next --
CREATE TABLE stored_file (
	purpose VARCHAR(40) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	media_type VARCHAR(60) NOT NULL, 
	size BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	uploaded_by CHAR(32), 
	uploaded_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_stored_file PRIMARY KEY (id)
)
-- next --
CREATE TABLE database_mark (
	name VARCHAR(40) NOT NULL, 
	value VARCHAR(120) NOT NULL, 
	CONSTRAINT pk_database_mark PRIMARY KEY (name)
)
-- next --
CREATE TABLE reference_counter (
	prefix VARCHAR(12) NOT NULL, 
	year INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	CONSTRAINT pk_reference_counter PRIMARY KEY (prefix, year)
)
-- next --
CREATE TABLE scheduler_lease (
	name VARCHAR(30) NOT NULL, 
	holder VARCHAR(120) NOT NULL, 
	expires_epoch INTEGER NOT NULL, 
	CONSTRAINT pk_scheduler_lease PRIMARY KEY (name)
)
-- next --
CREATE TABLE subject_key (
	subject_id CHAR(32) NOT NULL, 
	wrapped VARCHAR(300) NOT NULL, 
	CONSTRAINT pk_subject_key PRIMARY KEY (subject_id)
)
-- next --
CREATE TABLE account_request_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_account_request_state PRIMARY KEY (code)
)
-- next --
INSERT INTO account_request_state (code) VALUES ('received'), ('accepted'), ('returned')
-- next --
CREATE TABLE membership_role (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_membership_role PRIMARY KEY (code)
)
-- next --
INSERT INTO membership_role (code) VALUES ('organiser'), ('fund_manager'), ('panel_member'), ('head_of_fund'), ('requesting_officer'), ('payee_data_officer'), ('certifying_officer'), ('approving_officer'), ('bank_signatory'), ('paymaster'), ('focal_point'), ('nominee'), ('donor'), ('auditor'), ('administrator')
-- next --
CREATE TABLE organisation_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_organisation_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO organisation_kind (code) VALUES ('state'), ('observer'), ('donor'), ('secretariat'), ('organisation')
-- next --
CREATE TABLE organisation_fact_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_organisation_fact_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO organisation_fact_kind (code) VALUES ('ldc'), ('lldc'), ('sids'), ('group'), ('oda')
-- next --
CREATE TABLE person (
	email VARCHAR(254) NOT NULL, 
	password VARCHAR(255), 
	active BOOLEAN NOT NULL, 
	confirmed_at VARCHAR(27), 
	fs_uniquifier VARCHAR(64) NOT NULL, 
	locale VARCHAR(12) NOT NULL, 
	name_sealed TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	last_sign_in_at VARCHAR(27), 
	is_demo BOOLEAN NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT ck_person_email_lower_case CHECK (email = lower(email)), 
	CONSTRAINT ck_person_email_not_empty CHECK (email <> ''), 
	CONSTRAINT uq_person_email UNIQUE (email), 
	CONSTRAINT uq_person_fs_uniquifier UNIQUE (fs_uniquifier)
)
-- next --
CREATE TABLE sign_in_attempt (
	at VARCHAR(27) NOT NULL, 
	account_digest VARCHAR(64) NOT NULL, 
	address_digest VARCHAR(64) NOT NULL, 
	succeeded BOOLEAN NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_sign_in_attempt PRIMARY KEY (id)
)
-- next --
CREATE INDEX ix_sign_in_attempt_account_digest_at ON sign_in_attempt (account_digest, at)
-- next --
CREATE INDEX ix_sign_in_attempt_address_digest_at ON sign_in_attempt (address_digest, at)
-- next --
CREATE INDEX ix_sign_in_attempt_at ON sign_in_attempt (at)
-- next --
CREATE TABLE designable_role (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_designable_role PRIMARY KEY (code)
)
-- next --
INSERT INTO designable_role (code) VALUES ('head_of_fund'), ('requesting_officer'), ('certifying_officer'), ('approving_officer'), ('bank_signatory')
-- next --
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
CREATE TABLE pledge_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_pledge_state PRIMARY KEY (code)
)
-- next --
INSERT INTO pledge_state (code) VALUES ('announced'), ('agreed'), ('partly_paid'), ('overdue'), ('deferred'), ('reduced'), ('paid'), ('disputed'), ('returned'), ('written_off'), ('cancelled')
-- next --
CREATE TABLE contribution_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_contribution_state PRIMARY KEY (code)
)
-- next --
INSERT INTO contribution_state (code) VALUES ('created'), ('checkout'), ('invoiced'), ('declared'), ('failed'), ('expired'), ('not_arrived'), ('in_suspense'), ('accepted'), ('refund_due'), ('disputed'), ('refunded'), ('corrected')
-- next --
CREATE TABLE refund_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_refund_state PRIMARY KEY (code)
)
-- next --
INSERT INTO refund_state (code) VALUES ('requested'), ('declined'), ('created'), ('pending'), ('succeeded'), ('failed')
-- next --
CREATE TABLE dispute_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_dispute_state PRIMARY KEY (code)
)
-- next --
INSERT INTO dispute_state (code) VALUES ('inquiry'), ('open'), ('under_review'), ('won'), ('lost'), ('closed')
-- next --
CREATE TABLE cover_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_cover_state PRIMARY KEY (code)
)
-- next --
INSERT INTO cover_state (code) VALUES ('requested'), ('covered'), ('declined')
-- next --
CREATE TABLE donor_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_donor_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO donor_kind (code) VALUES ('state'), ('organisation'), ('person')
-- next --
CREATE TABLE contribution_method (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_contribution_method PRIMARY KEY (code)
)
-- next --
INSERT INTO contribution_method (code) VALUES ('card'), ('invoice'), ('transfer')
-- next --
CREATE TABLE refund_clause (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_refund_clause PRIMARY KEY (code)
)
-- next --
INSERT INTO refund_clause (code) VALUES ('return'), ('reprogramme'), ('none')
-- next --
CREATE TABLE spend_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_spend_state PRIMARY KEY (code)
)
-- next --
INSERT INTO spend_state (code) VALUES ('sent'), ('confirmed'), ('returned')
-- next --
CREATE TABLE lot_part (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_lot_part PRIMARY KEY (code)
)
-- next --
INSERT INTO lot_part (code) VALUES ('reserved'), ('direct'), ('support'), ('fee'), ('refund'), ('loss')
-- next --
CREATE TABLE pool (
	code VARCHAR(40) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	earmark JSON, 
	is_demo BOOLEAN NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_pool PRIMARY KEY (id), 
	CONSTRAINT uq_pool_code UNIQUE (code)
)
-- next --
CREATE TRIGGER pool_no_update BEFORE UPDATE OF code, earmark, is_demo, id ON pool BEGIN SELECT RAISE(ABORT, 'pool is append-only'); END
-- next --
CREATE TRIGGER pool_no_renumber BEFORE UPDATE ON pool WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'pool is append-only'); END
-- next --
CREATE TRIGGER pool_no_delete BEFORE DELETE ON pool BEGIN SELECT RAISE(ABORT, 'pool is append-only'); END
-- next --
CREATE TRIGGER pool_no_replace BEFORE INSERT ON pool WHEN EXISTS (SELECT 1 FROM pool WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'pool is append-only'); END
-- next --
CREATE TRIGGER pool_keeps_code BEFORE INSERT ON pool WHEN EXISTS (SELECT 1 FROM pool WHERE code = NEW.code) BEGIN SELECT RAISE(ABORT, 'pool holds this code already'); END
-- next --
CREATE TABLE posting (
	entry_id CHAR(32) NOT NULL, 
	posted_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_posting PRIMARY KEY (entry_id)
)
-- next --
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next --
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next --
CREATE TRIGGER posting_no_replace BEFORE INSERT ON posting WHEN EXISTS (SELECT 1 FROM posting WHERE (entry_id = NEW.entry_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END
-- next --
CREATE TRIGGER posting_moves_balances AFTER INSERT ON posting BEGIN SELECT RAISE(ABORT, 'an entry has two legs or more') WHERE (SELECT count(*) FROM leg WHERE entry_id = NEW.entry_id) < 2; SELECT RAISE(ABORT, 'the entry does not balance') WHERE EXISTS (SELECT 1 FROM leg l JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id GROUP BY a.book, CASE a.book WHEN 'B' THEN a.pool_id END HAVING sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END) <> 0); SELECT RAISE(ABORT, 'account_no_overdraft: a guarded account would be overdrawn') WHERE EXISTS (SELECT 1 FROM leg l JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id AND a.guarded GROUP BY a.id, a.side, a.debits_posted, a.credits_posted HAVING (a.debits_posted - a.credits_posted + sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END)) * (CASE a.side WHEN 'D' THEN 1 ELSE -1 END) < 0); UPDATE account SET debits_posted = debits_posted + coalesce((SELECT sum(usd_minor) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account.id AND side = 'D'), 0), credits_posted = credits_posted + coalesce((SELECT sum(usd_minor) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account.id AND side = 'C'), 0), moved_by = NEW.entry_id WHERE id IN (SELECT account_id FROM leg WHERE entry_id = NEW.entry_id); SELECT RAISE(ABORT, 'a balance did not move') WHERE EXISTS (SELECT 1 FROM leg l JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id AND a.moved_by IS NOT NEW.entry_id); UPDATE account_month SET debits = debits + coalesce((SELECT sum(usd_minor) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account_month.account_id AND side = 'D'), 0), credits = credits + coalesce((SELECT sum(usd_minor) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account_month.account_id AND side = 'C'), 0), legs = legs + (SELECT count(*) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account_month.account_id) WHERE month = (SELECT CAST(substr(occurred_at, 1, 4) || substr(occurred_at, 6, 2) AS INTEGER) FROM entry WHERE id = NEW.entry_id) AND account_id IN (SELECT account_id FROM leg WHERE entry_id = NEW.entry_id); INSERT INTO account_month (account_id, month, debits, credits, legs) SELECT l.account_id, e.month, sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END), sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END), count(*) FROM leg l, (SELECT (SELECT CAST(substr(occurred_at, 1, 4) || substr(occurred_at, 6, 2) AS INTEGER) FROM entry WHERE id = NEW.entry_id) AS month) e WHERE l.entry_id = NEW.entry_id AND NOT EXISTS (SELECT 1 FROM account_month m WHERE m.account_id = l.account_id AND m.month = e.month) GROUP BY l.account_id; END
-- next --
CREATE TABLE fund_setting (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	set_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_fund_setting PRIMARY KEY (id)
)
-- next --
CREATE INDEX ix_fund_setting_name_id ON fund_setting (name, id)
-- next --
CREATE TRIGGER fund_setting_no_update BEFORE UPDATE ON fund_setting BEGIN SELECT RAISE(ABORT, 'fund_setting is append-only'); END
-- next --
CREATE TRIGGER fund_setting_no_delete BEFORE DELETE ON fund_setting BEGIN SELECT RAISE(ABORT, 'fund_setting is append-only'); END
-- next --
CREATE TRIGGER fund_setting_no_replace BEFORE INSERT ON fund_setting WHEN EXISTS (SELECT 1 FROM fund_setting WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'fund_setting is append-only'); END
-- next --
CREATE TRIGGER bank_details_by_two BEFORE INSERT ON fund_setting WHEN NEW.name = 'bank_details' AND NOT EXISTS (SELECT 1 FROM (SELECT value, set_by FROM fund_setting WHERE name = 'bank_details_asked' ORDER BY id DESC LIMIT 1) asked WHERE asked.value = '?' || NEW.value AND asked.set_by <> NEW.set_by) BEGIN SELECT RAISE(ABORT, 'bank details are asked for by one person and approved by another'); END
-- next --
CREATE TABLE receipt_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_receipt_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO receipt_kind (code) VALUES ('receipt'), ('credit_note')
-- next --
CREATE TABLE refund_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_refund_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO refund_kind (code) VALUES ('refusal'), ('refund'), ('external'), ('correction')
-- next --
CREATE TABLE meeting_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_meeting_state PRIMARY KEY (code)
)
-- next --
INSERT INTO meeting_state (code) VALUES ('mandated'), ('provisional'), ('fixed'), ('published'), ('postponed'), ('cancelled'), ('held')
-- next --
CREATE TABLE meeting_mode (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_meeting_mode PRIMARY KEY (code)
)
-- next --
INSERT INTO meeting_mode (code) VALUES ('in_person'), ('hybrid'), ('virtual')
-- next --
CREATE TABLE meeting_kind (
	code VARCHAR(20) NOT NULL, 
	short_name VARCHAR(30) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	position INTEGER NOT NULL, 
	precedes VARCHAR(20), 
	offered BOOLEAN NOT NULL, 
	source VARCHAR(300), 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_meeting_kind PRIMARY KEY (code), 
	CONSTRAINT ck_meeting_kind_has_names CHECK (short_name <> '' AND name <> ''), 
	CONSTRAINT ck_meeting_kind_precedes_another CHECK (precedes IS NULL OR precedes <> code), 
	CONSTRAINT fk_meeting_kind_precedes FOREIGN KEY(precedes) REFERENCES meeting_kind (code)
)
-- next --
INSERT INTO meeting_kind (code, short_name, name, position, precedes, offered, version) VALUES ('Conference', 'Conference', 'Conference', 1, NULL, TRUE, 1), ('BMS', 'BMS', 'Biennial meeting of States', 2, NULL, TRUE, 1), ('RevCon', 'RevCon', 'Review conference', 3, NULL, TRUE, 1), ('PrepCom', 'PrepCom', 'Preparatory committee', 4, 'RevCon', TRUE, 1), ('MGE', 'MGE', 'Meeting of governmental experts', 5, NULL, TRUE, 1), ('Regional', 'Regional', 'Regional meeting', 6, NULL, TRUE, 1)
-- next --
CREATE TABLE calendar_stamp (
	id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_calendar_stamp PRIMARY KEY (id), 
	CONSTRAINT ck_calendar_stamp_one_row CHECK (id = 1)
)
-- next --
CREATE TABLE stripe_event_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_stripe_event_state PRIMARY KEY (code)
)
-- next --
INSERT INTO stripe_event_state (code) VALUES ('new'), ('done'), ('ignored'), ('unmatched'), ('failed'), ('explained')
-- next --
CREATE TABLE stripe_movement_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_stripe_movement_state PRIMARY KEY (code)
)
-- next --
INSERT INTO stripe_movement_state (code) VALUES ('new'), ('matched'), ('unmatched'), ('booked'), ('explained')
-- next --
CREATE TABLE stripe_payout_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_stripe_payout_state PRIMARY KEY (code)
)
-- next --
INSERT INTO stripe_payout_state (code) VALUES ('pending'), ('in_transit'), ('paid'), ('confirmed'), ('failed'), ('cancelled')
-- next --
CREATE TABLE stripe_cursor (
	name VARCHAR(40) NOT NULL, 
	through VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_stripe_cursor PRIMARY KEY (name)
)
-- next --
CREATE TABLE stripe_movement_total (
	state VARCHAR(40) NOT NULL, 
	category VARCHAR(60) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	movements BIGINT NOT NULL, 
	net_minor BIGINT NOT NULL, 
	tied_minor BIGINT NOT NULL, 
	CONSTRAINT pk_stripe_movement_total PRIMARY KEY (state, category, currency), 
	CONSTRAINT ck_stripe_movement_total_movements_is_integer CHECK (typeof(movements) IN ('integer', 'null')), 
	CONSTRAINT ck_stripe_movement_total_net_minor_is_integer CHECK (typeof(net_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_stripe_movement_total_tied_minor_is_integer CHECK (typeof(tied_minor) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER stripe_movement_total_no_update BEFORE UPDATE OF state, category, currency ON stripe_movement_total BEGIN SELECT RAISE(ABORT, 'stripe_movement_total is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_total_no_renumber BEFORE UPDATE ON stripe_movement_total WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'stripe_movement_total is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_total_no_delete BEFORE DELETE ON stripe_movement_total BEGIN SELECT RAISE(ABORT, 'stripe_movement_total is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_total_no_replace BEFORE INSERT ON stripe_movement_total WHEN EXISTS (SELECT 1 FROM stripe_movement_total WHERE (state = NEW.state AND category = NEW.category AND currency = NEW.currency) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'stripe_movement_total is append-only'); END
-- next --
CREATE TABLE donor_invoice_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_donor_invoice_state PRIMARY KEY (code)
)
-- next --
INSERT INTO donor_invoice_state (code) VALUES ('ordered'), ('open'), ('closing'), ('paid'), ('elsewhere'), ('void'), ('uncollectible'), ('failed')
-- next --
CREATE TABLE invoice_closing (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_invoice_closing PRIMARY KEY (code)
)
-- next --
INSERT INTO invoice_closing (code) VALUES ('void'), ('elsewhere'), ('uncollectible')
-- next --
CREATE TABLE second_factor_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_second_factor_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO second_factor_kind (code) VALUES ('app'), ('passkey')
-- next --
CREATE TABLE second_factor_ending (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_second_factor_ending PRIMARY KEY (code)
)
-- next --
INSERT INTO second_factor_ending (code) VALUES ('replaced'), ('reset'), ('not_finished'), ('removed')
-- next --
CREATE TABLE second_factor_way (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_second_factor_way PRIMARY KEY (code)
)
-- next --
INSERT INTO second_factor_way (code) VALUES ('code'), ('recovery'), ('passkey')
-- next --
CREATE TABLE passkey_purpose (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_passkey_purpose PRIMARY KEY (code)
)
-- next --
INSERT INTO passkey_purpose (code) VALUES ('add'), ('prove')
-- next --
CREATE TABLE date_roll (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_date_roll PRIMARY KEY (code)
)
-- next --
INSERT INTO date_roll (code) VALUES ('none'), ('before'), ('after')
-- next --
CREATE TABLE date_kind (
	code VARCHAR(40) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	public BOOLEAN NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_date_kind PRIMARY KEY (code), 
	CONSTRAINT ck_date_kind_has_name CHECK (name <> '')
)
-- next --
INSERT INTO date_kind (code, name, public, position) VALUES ('registration_opens', 'Registration opens', TRUE, 1), ('registration_closes', 'Registration closes', TRUE, 2), ('credentials', 'Credentials to reach the secretariat', TRUE, 3), ('ngo_applications', 'Non-governmental organisations apply for accreditation', TRUE, 4), ('ngo_objections', 'No-objection period for organisations ends', TRUE, 5), ('documents_in', 'Documents submitted for processing', TRUE, 6), ('documents_out', 'Documents issued in the official languages', TRUE, 7), ('reports', 'National reports asked for (voluntary)', TRUE, 8)
-- next --
CREATE TABLE programme_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_programme_state PRIMARY KEY (code)
)
-- next --
INSERT INTO programme_state (code) VALUES ('draft'), ('provisional'), ('indicative'), ('adopted')
-- next --
CREATE TABLE side_event_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_side_event_state PRIMARY KEY (code)
)
-- next --
INSERT INTO side_event_state (code) VALUES ('requested'), ('accepted'), ('declined'), ('withdrawn')
-- next --
CREATE TABLE programme_slot_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_programme_slot_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO programme_slot_kind (code) VALUES ('plenary'), ('informal'), ('side_event'), ('break'), ('other')
-- next --
CREATE TABLE programme_item_role (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_programme_item_role PRIMARY KEY (code)
)
-- next --
INSERT INTO programme_item_role (code) VALUES ('opening'), ('organisation'), ('exchange'), ('theme'), ('other'), ('outcome'), ('credentials'), ('report')
-- next --
CREATE TABLE programme_standing (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_programme_standing PRIMARY KEY (code)
)
-- next --
INSERT INTO programme_standing (code) VALUES ('provisional'), ('indicative'), ('adopted')
-- next --
CREATE TABLE document_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_document_state PRIMARY KEY (code)
)
-- next --
INSERT INTO document_state (code) VALUES ('draft'), ('issued'), ('withdrawn'), ('dropped')
-- next --
CREATE TABLE document_type (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_document_type PRIMARY KEY (code)
)
-- next --
INSERT INTO document_type (code) VALUES ('agenda'), ('programme'), ('rules'), ('report'), ('outcome'), ('working_paper'), ('national_report'), ('statement'), ('participants'), ('information'), ('other')
-- next --
CREATE TABLE document_language (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_document_language PRIMARY KEY (code)
)
-- next --
INSERT INTO document_language (code) VALUES ('ar'), ('zh'), ('en'), ('fr'), ('ru'), ('es')
-- next --
CREATE TABLE chair_capacity (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_chair_capacity PRIMARY KEY (code)
)
-- next --
INSERT INTO chair_capacity (code) VALUES ('chair'), ('representative')
-- next --
CREATE TABLE paper_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_paper_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO paper_kind (code) VALUES ('nomination_letter'), ('passport'), ('visa'), ('insurance'), ('fare_quote')
-- next --
CREATE TABLE paper_retention (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_paper_retention PRIMARY KEY (code)
)
-- next --
INSERT INTO paper_retention (code) VALUES ('identity'), ('journey'), ('nomination')
-- next --
CREATE TABLE call_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_call_state PRIMARY KEY (code)
)
-- next --
INSERT INTO call_state (code) VALUES ('draft'), ('scheduled'), ('open'), ('closed'), ('ranked'), ('recommended'), ('decided'), ('suspended'), ('cancelled')
-- next --
CREATE TABLE application_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_application_state PRIMARY KEY (code)
)
-- next --
INSERT INTO application_state (code) VALUES ('draft'), ('submitted'), ('returned'), ('eligible'), ('ineligible'), ('recommended'), ('reserve'), ('not_recommended'), ('selected'), ('reserve_list'), ('not_selected'), ('withdrawn'), ('cancelled'), ('held_over')
-- next --
CREATE TABLE call_package (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_call_package PRIMARY KEY (code)
)
-- next --
INSERT INTO call_package (code) VALUES ('ticket_and_dsa'), ('ticket'), ('dsa')
-- next --
CREATE TABLE screening_criterion (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_screening_criterion PRIMARY KEY (code)
)
-- next --
INSERT INTO screening_criterion (code) VALUES ('complete'), ('nominated_by_state'), ('declaration'), ('ldc'), ('lldc'), ('sids'), ('most_affected'), ('first_attendance'), ('no_mission_at_seat'), ('equity_region'), ('equity_sex')
-- next --
CREATE TABLE recommendation_outcome (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_recommendation_outcome PRIMARY KEY (code)
)
-- next --
INSERT INTO recommendation_outcome (code) VALUES ('recommend'), ('reserve'), ('not')
-- next --
CREATE TABLE nominee_sex (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_nominee_sex PRIMARY KEY (code)
)
-- next --
INSERT INTO nominee_sex (code) VALUES ('female'), ('male'), ('not_said')
-- next --
CREATE TABLE ranking_method (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_ranking_method PRIMARY KEY (code)
)
-- next --
INSERT INTO ranking_method (code) VALUES ('in_order'), ('by_points')
-- next --
CREATE TABLE call_late_rule (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_call_late_rule PRIMARY KEY (code)
)
-- next --
INSERT INTO call_late_rule (code) VALUES ('refuse'), ('carry_over')
-- next --
CREATE TABLE call_governance (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_call_governance PRIMARY KEY (code)
)
-- next --
INSERT INTO call_governance (code) VALUES ('secretariat_chair'), ('donor_committee'), ('elected_committee')
-- next --
CREATE TABLE recusal_cause (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_recusal_cause PRIMARY KEY (code)
)
-- next --
INSERT INTO recusal_cause (code) VALUES ('own_state'), ('agreement'), ('declared')
-- next --
CREATE TABLE award_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_award_state PRIMARY KEY (code)
)
-- next --
INSERT INTO award_state (code) VALUES ('reserve'), ('selected'), ('certified'), ('offered'), ('accepted'), ('suspended'), ('closed'), ('turned_down'), ('lapsed'), ('refused'), ('withdrawn'), ('cancelled'), ('reserve_ended')
-- next --
CREATE TABLE award_line_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_award_line_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO award_line_kind (code) VALUES ('ticket'), ('dsa'), ('terminal')
-- next --
CREATE TABLE approval_step (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_approval_step PRIMARY KEY (code)
)
-- next --
INSERT INTO approval_step (code) VALUES ('award.decided'), ('award.certified'), ('award.approved'), ('disbursement.requested'), ('disbursement.certified'), ('disbursement.approved'), ('disbursement.approved_second'), ('disbursement.released')
-- next --
CREATE TABLE entitlement_rule (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_entitlement_rule PRIMARY KEY (code)
)
-- next --
INSERT INTO entitlement_rule (code) VALUES ('full'), ('reduced'), ('no_night'), ('too_short'), ('last_day'), ('in_air'), ('private'), ('quote'), ('call_estimate'), ('leg'), ('leg_car'), ('by_officer')
-- next --
CREATE TABLE travel_condition (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_travel_condition PRIMARY KEY (code)
)
-- next --
INSERT INTO travel_condition (code) VALUES ('passport'), ('visa')
-- next --
CREATE TABLE state_letter_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_state_letter_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO state_letter_kind (code) VALUES ('selected'), ('reserve'), ('not_selected'), ('ineligible'), ('lapsed'), ('withdrawn'), ('taken_back'), ('call_cancelled'), ('postponed'), ('cancelled')
-- next --
CREATE TABLE state_letter_reason (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_state_letter_reason PRIMARY KEY (code)
)
-- next --
INSERT INTO state_letter_reason (code) VALUES ('no_funds'), ('rules'), ('reserve_ended'), ('outside_call'), ('incomplete'), ('not_nominated_by_state'), ('no_declaration'), ('mission_prevails'), ('no_money'), ('rules_not_met'), ('details_wrong'), ('meeting_changed'), ('state_request')
-- next --
CREATE TABLE disbursement_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_disbursement_state PRIMARY KEY (code)
)
-- next --
INSERT INTO disbursement_state (code) VALUES ('draft'), ('requested'), ('certified'), ('approved'), ('ready'), ('released'), ('sending'), ('sent'), ('unknown'), ('confirmed'), ('settled'), ('rejected'), ('failed'), ('returned'), ('reversed'), ('held'), ('cancelled')
-- next --
CREATE TABLE payee_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_payee_state PRIMARY KEY (code)
)
-- next --
INSERT INTO payee_state (code) VALUES ('wanted'), ('entered'), ('verified'), ('ended')
-- next --
CREATE TABLE finding_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_finding_state PRIMARY KEY (code)
)
-- next --
INSERT INTO finding_state (code) VALUES ('asked'), ('agreed'), ('refused'), ('overtaken')
-- next --
CREATE TABLE cash_count_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_cash_count_state PRIMARY KEY (code)
)
-- next --
INSERT INTO cash_count_state (code) VALUES ('counted'), ('agreed'), ('taken_back')
-- next --
CREATE TABLE payment_loss_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_payment_loss_state PRIMARY KEY (code)
)
-- next --
INSERT INTO payment_loss_state (code) VALUES ('asked'), ('agreed'), ('cleared'), ('back'), ('refused')
-- next --
CREATE TABLE sanctions_match_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_sanctions_match_state PRIMARY KEY (code)
)
-- next --
INSERT INTO sanctions_match_state (code) VALUES ('open'), ('proposed'), ('cleared'), ('confirmed'), ('lapsed')
-- next --
CREATE TABLE bank_answer_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_bank_answer_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO bank_answer_kind (code) VALUES ('confirmed'), ('rejected'), ('failed'), ('returned'), ('reversed'), ('contradicted')
-- next --
CREATE TABLE claim_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_claim_state PRIMARY KEY (code)
)
-- next --
INSERT INTO claim_state (code) VALUES ('wanted'), ('submitted'), ('settled'), ('no_show'), ('unclaimed')
-- next --
CREATE TABLE late_claim_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_late_claim_state PRIMARY KEY (code)
)
-- next --
INSERT INTO late_claim_state (code) VALUES ('asked'), ('decided'), ('agreed'), ('refused'), ('taken_back')
-- next --
CREATE TABLE recovery_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_recovery_state PRIMARY KEY (code)
)
-- next --
INSERT INTO recovery_state (code) VALUES ('asked'), ('recovered'), ('written_off'), ('dropped')
-- next --
CREATE TABLE delegate_report_state (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_delegate_report_state PRIMARY KEY (code)
)
-- next --
INSERT INTO delegate_report_state (code) VALUES ('awaited'), ('received'), ('dropped')
-- next --
CREATE TABLE claim_paper_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_claim_paper_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO claim_paper_kind (code) VALUES ('boarding_pass'), ('other')
-- next --
CREATE TABLE attendance (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_attendance PRIMARY KEY (code)
)
-- next --
INSERT INTO attendance (code) VALUES ('attended'), ('part'), ('none')
-- next --
CREATE TABLE loss_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_loss_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO loss_kind (code) VALUES ('paid_twice'), ('lost'), ('stolen'), ('short')
-- next --
CREATE TABLE match_likeness (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_match_likeness PRIMARY KEY (code)
)
-- next --
INSERT INTO match_likeness (code) VALUES ('name_and_birth'), ('name_only'), ('name_not_birth')
-- next --
CREATE TABLE disbursement_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_disbursement_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO disbursement_kind (code) VALUES ('ticket'), ('dsa_advance'), ('terminal'), ('final')
-- next --
CREATE TABLE payment_rail (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_payment_rail PRIMARY KEY (code)
)
-- next --
INSERT INTO payment_rail (code) VALUES ('transfer'), ('paymaster_cash')
-- next --
CREATE TABLE fund_letter_kind (
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_fund_letter_kind PRIMARY KEY (code)
)
-- next --
INSERT INTO fund_letter_kind (code) VALUES ('note_verbale'), ('letter')
-- next --
CREATE TABLE pledge_year (
	year INTEGER NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	pledges INTEGER NOT NULL, 
	CONSTRAINT pk_pledge_year PRIMARY KEY (year), 
	CONSTRAINT ck_pledge_year_totals_positive CHECK (usd_minor > 0 AND pledges > 0), 
	CONSTRAINT ck_pledge_year_year CHECK (year BETWEEN 1900 AND 9999), 
	CONSTRAINT ck_pledge_year_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER pledge_year_no_update BEFORE UPDATE OF year ON pledge_year BEGIN SELECT RAISE(ABORT, 'pledge_year is append-only'); END
-- next --
CREATE TRIGGER pledge_year_no_renumber BEFORE UPDATE ON pledge_year WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'pledge_year is append-only'); END
-- next --
CREATE TRIGGER pledge_year_no_delete BEFORE DELETE ON pledge_year BEGIN SELECT RAISE(ABORT, 'pledge_year is append-only'); END
-- next --
CREATE TRIGGER pledge_year_no_replace BEFORE INSERT ON pledge_year WHEN EXISTS (SELECT 1 FROM pledge_year WHERE (year = NEW.year) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'pledge_year is append-only'); END
-- next --
CREATE TABLE event_text (
	event_id CHAR(32) NOT NULL, 
	salt VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_event_text PRIMARY KEY (event_id), 
	CONSTRAINT fk_event_text_event_id FOREIGN KEY(event_id) REFERENCES event (id)
)
-- next --
CREATE TABLE event_seal (
	seq INTEGER NOT NULL, 
	event_id CHAR(32) NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	sealed_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_event_seal PRIMARY KEY (seq), 
	CONSTRAINT uq_event_seal_event_id UNIQUE (event_id), 
	CONSTRAINT fk_event_seal_event_id FOREIGN KEY(event_id) REFERENCES event (id)
)
-- next --
CREATE TRIGGER event_seal_no_update BEFORE UPDATE ON event_seal BEGIN SELECT RAISE(ABORT, 'event_seal is append-only'); END
-- next --
CREATE TRIGGER event_seal_no_delete BEFORE DELETE ON event_seal BEGIN SELECT RAISE(ABORT, 'event_seal is append-only'); END
-- next --
CREATE TRIGGER event_seal_no_replace BEFORE INSERT ON event_seal WHEN EXISTS (SELECT 1 FROM event_seal WHERE (seq = NEW.seq) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'event_seal is append-only'); END
-- next --
CREATE TABLE organisation (
	kind VARCHAR(40) NOT NULL, 
	code VARCHAR(20) NOT NULL, 
	iso2 VARCHAR(2), 
	m49 VARCHAR(3), 
	is_demo BOOLEAN NOT NULL, 
	known_email VARCHAR(254), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_organisation PRIMARY KEY (id), 
	CONSTRAINT fk_organisation_kind FOREIGN KEY(kind) REFERENCES organisation_kind (code), 
	CONSTRAINT uq_organisation_code UNIQUE (code), 
	CONSTRAINT uq_organisation_iso2 UNIQUE (iso2), 
	CONSTRAINT uq_organisation_m49 UNIQUE (m49)
)
-- next --
CREATE INDEX ix_organisation_kind ON organisation (kind)
-- next --
CREATE TABLE designation (
	holder_id CHAR(32) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	alternate_id CHAR(32) NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE NOT NULL, 
	limit_minor BIGINT, 
	designated_by CHAR(32) NOT NULL, 
	designated_at VARCHAR(27) NOT NULL, 
	revoked_by CHAR(32), 
	revoked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_designation PRIMARY KEY (id), 
	CONSTRAINT ck_designation_another_person CHECK (alternate_id <> holder_id AND alternate_id <> designated_by), 
	CONSTRAINT ck_designation_dates_in_order CHECK (valid_to > valid_from), 
	CONSTRAINT ck_designation_limit_positive CHECK (limit_minor IS NULL OR limit_minor > 0), 
	CONSTRAINT ck_designation_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)), 
	CONSTRAINT fk_designation_holder_id FOREIGN KEY(holder_id) REFERENCES person (id), 
	CONSTRAINT fk_designation_role FOREIGN KEY(role) REFERENCES designable_role (code), 
	CONSTRAINT fk_designation_alternate_id FOREIGN KEY(alternate_id) REFERENCES person (id), 
	CONSTRAINT ck_designation_limit_minor_is_integer CHECK (typeof(limit_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_designation_designated_by FOREIGN KEY(designated_by) REFERENCES person (id), 
	CONSTRAINT fk_designation_revoked_by FOREIGN KEY(revoked_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_designation_alternate ON designation (alternate_id, valid_from)
-- next --
CREATE INDEX ix_designation_holder ON designation (holder_id, role)
-- next --
CREATE TRIGGER designation_no_update BEFORE UPDATE OF holder_id, role, alternate_id, valid_from, valid_to, limit_minor, designated_by, designated_at, id ON designation BEGIN SELECT RAISE(ABORT, 'designation is append-only'); END
-- next --
CREATE TRIGGER designation_no_renumber BEFORE UPDATE ON designation WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'designation is append-only'); END
-- next --
CREATE TRIGGER designation_no_delete BEFORE DELETE ON designation BEGIN SELECT RAISE(ABORT, 'designation is append-only'); END
-- next --
CREATE TRIGGER designation_no_replace BEFORE INSERT ON designation WHEN EXISTS (SELECT 1 FROM designation WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'designation is append-only'); END
-- next --
CREATE TRIGGER designation_revoked_once BEFORE UPDATE ON designation WHEN OLD.revoked_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'designation_revoked_once: a revoked designation stays revoked'); END
-- next --
CREATE TRIGGER designation_of_a_holder BEFORE INSERT ON designation WHEN NOT EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.holder_id AND m.role = NEW.role AND m.valid_from <= NEW.valid_from AND (m.valid_to IS NULL OR m.valid_to > NEW.valid_from)) BEGIN SELECT RAISE(ABORT, 'designation_of_a_holder: the holder does not hold the role on its first day'); END
-- next --
CREATE TRIGGER designation_separate_hands BEFORE INSERT ON designation WHEN EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.alternate_id AND ((NEW.role = 'approving_officer' AND m.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'bank_signatory')) AND m.valid_from < NEW.valid_to AND (m.valid_to IS NULL OR (m.valid_to > NEW.valid_from AND m.valid_to > m.valid_from))) OR EXISTS (SELECT 1 FROM designation d WHERE d.alternate_id = NEW.alternate_id AND d.revoked_at IS NULL AND ((NEW.role = 'approving_officer' AND d.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'bank_signatory')) AND d.valid_from < NEW.valid_to AND d.valid_to > NEW.valid_from) BEGIN SELECT RAISE(ABORT, 'designation_separate_hands: the alternate holds a role that excludes this one'); END
-- next --
CREATE TABLE rate_import (
	source VARCHAR(40) NOT NULL, 
	file_name VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	reading JSON NOT NULL, 
	rates INTEGER NOT NULL, 
	first_day DATE NOT NULL, 
	last_day DATE NOT NULL, 
	imported_by CHAR(32), 
	imported_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_by CHAR(32), 
	withdrawal_reason VARCHAR(40), 
	id CHAR(32) NOT NULL, 
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
CREATE INDEX ix_rate_import_imported_at ON rate_import (imported_at)
-- next --
CREATE INDEX ix_rate_import_sha256 ON rate_import (sha256)
-- next --
CREATE INDEX ix_rate_import_source ON rate_import (source)
-- next --
CREATE TRIGGER rate_import_no_update BEFORE UPDATE OF source, file_name, sha256, file_id, reading, rates, first_day, last_day, imported_by, imported_at, id ON rate_import BEGIN SELECT RAISE(ABORT, 'rate_import is append-only'); END
-- next --
CREATE TRIGGER rate_import_no_renumber BEFORE UPDATE ON rate_import WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'rate_import is append-only'); END
-- next --
CREATE TRIGGER rate_import_no_delete BEFORE DELETE ON rate_import BEGIN SELECT RAISE(ABORT, 'rate_import is append-only'); END
-- next --
CREATE TRIGGER rate_import_no_replace BEFORE INSERT ON rate_import WHEN EXISTS (SELECT 1 FROM rate_import WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'rate_import is append-only'); END
-- next --
CREATE TRIGGER rate_import_withdrawn_once BEFORE UPDATE ON rate_import WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a withdrawal stands'); END
-- next --
CREATE TABLE account (
	code VARCHAR(80) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	book VARCHAR(1) NOT NULL, 
	pool_id CHAR(32), 
	currency VARCHAR(3) NOT NULL, 
	side VARCHAR(1) NOT NULL, 
	guarded BOOLEAN NOT NULL, 
	debits_posted BIGINT NOT NULL, 
	credits_posted BIGINT NOT NULL, 
	moved_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT ck_account_side CHECK (side IN ('D', 'C')), 
	CONSTRAINT ck_account_book CHECK (book IN ('P', 'B')), 
	CONSTRAINT ck_account_totals_positive CHECK (debits_posted >= 0 AND credits_posted >= 0), 
	CONSTRAINT ck_account_no_overdraft CHECK (NOT guarded OR (side = 'C' AND credits_posted >= debits_posted) OR (side = 'D' AND debits_posted >= credits_posted)), 
	CONSTRAINT uq_account_kind_pool_id UNIQUE (kind, pool_id), 
	CONSTRAINT uq_account_code UNIQUE (code), 
	CONSTRAINT fk_account_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT ck_account_debits_posted_is_integer CHECK (typeof(debits_posted) IN ('integer', 'null')), 
	CONSTRAINT ck_account_credits_posted_is_integer CHECK (typeof(credits_posted) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_account_pool_id ON account (pool_id)
-- next --
CREATE TRIGGER account_no_update BEFORE UPDATE OF code, kind, book, pool_id, currency, side, guarded, id ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next --
CREATE TRIGGER account_no_renumber BEFORE UPDATE ON account WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next --
CREATE TRIGGER account_no_delete BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next --
CREATE TRIGGER account_no_replace BEFORE INSERT ON account WHEN EXISTS (SELECT 1 FROM account WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'account is append-only'); END
-- next --
CREATE TRIGGER account_keeps_code BEFORE INSERT ON account WHEN EXISTS (SELECT 1 FROM account WHERE code = NEW.code) BEGIN SELECT RAISE(ABORT, 'account holds this code already'); END
-- next --
CREATE TRIGGER account_keeps_kind BEFORE INSERT ON account WHEN EXISTS (SELECT 1 FROM account WHERE kind = NEW.kind AND pool_id = NEW.pool_id) BEGIN SELECT RAISE(ABORT, 'account holds this kind already'); END
-- next --
CREATE TRIGGER account_starts_at_zero BEFORE INSERT ON account WHEN NEW.debits_posted IS NOT 0 OR NEW.credits_posted IS NOT 0 OR NEW.moved_by IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an account starts at zero'); END
-- next --
CREATE TRIGGER account_moves_by_posting BEFORE UPDATE OF debits_posted, credits_posted, moved_by ON account WHEN coalesce((SELECT rowid FROM posting WHERE entry_id = NEW.moved_by) > coalesce((SELECT rowid FROM posting WHERE entry_id = OLD.moved_by), 0) AND NEW.debits_posted - OLD.debits_posted = (SELECT coalesce(sum(usd_minor), 0) FROM leg WHERE entry_id = NEW.moved_by AND account_id = NEW.id AND side = 'D') AND NEW.credits_posted - OLD.credits_posted = (SELECT coalesce(sum(usd_minor), 0) FROM leg WHERE entry_id = NEW.moved_by AND account_id = NEW.id AND side = 'C'), 0) = 0 BEGIN SELECT RAISE(ABORT, 'only posting moves a balance'); END
-- next --
CREATE TABLE entry (
	id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	occurred_at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	actor VARCHAR(80) NOT NULL, 
	actor_id CHAR(32), 
	subject_type VARCHAR(40), 
	subject_id CHAR(32), 
	corrects_id CHAR(32), 
	CONSTRAINT pk_entry PRIMARY KEY (id), 
	CONSTRAINT fk_entry_id FOREIGN KEY(id) REFERENCES posting (entry_id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_entry_key UNIQUE ("key"), 
	CONSTRAINT fk_entry_corrects_id FOREIGN KEY(corrects_id) REFERENCES entry (id)
)
-- next --
CREATE INDEX ix_entry_corrects_id ON entry (corrects_id)
-- next --
CREATE INDEX ix_entry_occurred_at_id ON entry (occurred_at, id)
-- next --
CREATE INDEX ix_entry_subject_type_subject_id ON entry (subject_type, subject_id)
-- next --
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next --
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next --
CREATE TRIGGER entry_no_replace BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM entry WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END
-- next --
CREATE TRIGGER entry_keeps_key BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM entry WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'entry holds this key already'); END
-- next --
CREATE TABLE meeting (
	slug VARCHAR(80) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	ordinal INTEGER, 
	short_name VARCHAR(80) NOT NULL, 
	title VARCHAR(400) NOT NULL, 
	year INTEGER NOT NULL, 
	start_date DATE, 
	end_date DATE, 
	city VARCHAR(120), 
	country_code VARCHAR(2), 
	venue VARCHAR(200), 
	timezone VARCHAR(64) NOT NULL, 
	mode VARCHAR(40) NOT NULL, 
	seats_in_room INTEGER, 
	taking_part TEXT, 
	languages JSON, 
	state VARCHAR(40) NOT NULL, 
	meetings_allotted INTEGER, 
	presiding_role VARCHAR(60), 
	presiding_name VARCHAR(160), 
	presiding_country VARCHAR(2), 
	bureau JSON, 
	mandate_text VARCHAR(300), 
	documents JSON NOT NULL, 
	report_deadline DATE, 
	notes TEXT, 
	sources JSON NOT NULL, 
	unverified JSON NOT NULL, 
	replaced_by_id CHAR(32), 
	is_demo BOOLEAN NOT NULL, 
	announced_at VARCHAR(27), 
	published_at VARCHAR(27), 
	sequence INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_meeting PRIMARY KEY (id), 
	CONSTRAINT ck_meeting_both_days_or_none CHECK ((start_date IS NULL) = (end_date IS NULL)), 
	CONSTRAINT ck_meeting_ends_after_it_starts CHECK (end_date >= start_date), 
	CONSTRAINT ck_meeting_year CHECK (year BETWEEN 1990 AND 2100), 
	CONSTRAINT ck_meeting_ordinal_positive CHECK (ordinal IS NULL OR ordinal > 0), 
	CONSTRAINT ck_meeting_allotted_positive CHECK (meetings_allotted IS NULL OR meetings_allotted > 0), 
	CONSTRAINT ck_meeting_sequence_not_negative CHECK (sequence >= 0), 
	CONSTRAINT ck_meeting_mandated_has_no_days CHECK (state <> 'mandated' OR start_date IS NULL), 
	CONSTRAINT ck_meeting_dated_states_have_days CHECK (state NOT IN ('provisional', 'fixed', 'published', 'postponed') OR start_date IS NOT NULL), 
	CONSTRAINT ck_meeting_public_states_are_published CHECK (state NOT IN ('published', 'postponed', 'held') OR published_at IS NOT NULL), 
	CONSTRAINT ck_meeting_published_is_announced CHECK (published_at IS NULL OR announced_at IS NOT NULL), 
	CONSTRAINT ck_meeting_not_replaced_by_itself CHECK (replaced_by_id IS NULL OR replaced_by_id <> id), 
	CONSTRAINT ck_meeting_has_names CHECK (short_name <> '' AND title <> '' AND slug <> ''), 
	CONSTRAINT ck_meeting_seats_positive CHECK (seats_in_room IS NULL OR seats_in_room > 0), 
	CONSTRAINT uq_meeting_slug UNIQUE (slug), 
	CONSTRAINT fk_meeting_kind FOREIGN KEY(kind) REFERENCES meeting_kind (code), 
	CONSTRAINT fk_meeting_mode FOREIGN KEY(mode) REFERENCES meeting_mode (code), 
	CONSTRAINT fk_meeting_state FOREIGN KEY(state) REFERENCES meeting_state (code), 
	CONSTRAINT fk_meeting_replaced_by_id FOREIGN KEY(replaced_by_id) REFERENCES meeting (id)
)
-- next --
CREATE INDEX ix_meeting_kind ON meeting (kind)
-- next --
CREATE INDEX ix_meeting_replaced_by_id ON meeting (replaced_by_id)
-- next --
CREATE INDEX ix_meeting_state ON meeting (state)
-- next --
CREATE INDEX ix_meeting_year_start_date ON meeting (year, start_date)
-- next --
CREATE UNIQUE INDEX uq_meeting_kind_ordinal ON meeting (kind, ordinal) WHERE ordinal IS NOT NULL AND replaced_by_id IS NULL AND NOT is_demo AND state <> 'cancelled'
-- next --
CREATE TRIGGER meeting_sequence_rises BEFORE UPDATE OF sequence ON meeting WHEN NEW.sequence < OLD.sequence BEGIN SELECT RAISE(ABORT, 'a meeting''s sequence never falls: subscribers would not hear of the change'); END
-- next --
CREATE TABLE mandate (
	"key" VARCHAR(60) NOT NULL, 
	resolution VARCHAR(40) NOT NULL, 
	adopted_on DATE NOT NULL, 
	paragraph VARCHAR(20) NOT NULL, 
	rests_on VARCHAR(200), 
	kind VARCHAR(20) NOT NULL, 
	year_printed INTEGER NOT NULL, 
	year_read INTEGER NOT NULL, 
	year_reason TEXT, 
	start_printed DATE, 
	end_printed DATE, 
	weeks INTEGER, 
	place VARCHAR(120), 
	timing VARCHAR(20), 
	precedes_id CHAR(32), 
	language_read VARCHAR(12) NOT NULL, 
	note TEXT, 
	source_url VARCHAR(400), 
	position INTEGER NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_because VARCHAR(500), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_mandate PRIMARY KEY (id), 
	CONSTRAINT ck_mandate_other_year_has_reason CHECK (year_read = year_printed OR year_reason IS NOT NULL), 
	CONSTRAINT ck_mandate_weeks CHECK (weeks IS NULL OR weeks BETWEEN 1 AND 8), 
	CONSTRAINT ck_mandate_both_days_or_none CHECK ((start_printed IS NULL) = (end_printed IS NULL)), 
	CONSTRAINT ck_mandate_timing_known CHECK (timing IS NULL OR timing = 'early'), 
	CONSTRAINT ck_mandate_printed_days_in_order CHECK (end_printed >= start_printed), 
	CONSTRAINT ck_mandate_precedes_another CHECK (precedes_id IS NULL OR precedes_id <> id), 
	CONSTRAINT ck_mandate_withdrawn_with_reason CHECK ((withdrawn_at IS NULL) = (withdrawn_because IS NULL)), 
	CONSTRAINT uq_mandate_key UNIQUE ("key"), 
	CONSTRAINT fk_mandate_kind FOREIGN KEY(kind) REFERENCES meeting_kind (code), 
	CONSTRAINT fk_mandate_precedes_id FOREIGN KEY(precedes_id) REFERENCES mandate (id)
)
-- next --
CREATE TABLE stripe_event (
	event_id VARCHAR(100) NOT NULL, 
	type VARCHAR(100) NOT NULL, 
	object_id VARCHAR(100) NOT NULL, 
	api_version VARCHAR(40), 
	livemode BOOLEAN NOT NULL, 
	via VARCHAR(10) DEFAULT 'webhook' NOT NULL, 
	payload_sealed TEXT, 
	payload_sha256 VARCHAR(64) NOT NULL, 
	happened_at VARCHAR(27) NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	settled_at VARCHAR(27), 
	note VARCHAR(80), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_stripe_event PRIMARY KEY (id), 
	CONSTRAINT ck_stripe_event_attempts_not_negative CHECK (attempts >= 0), 
	CONSTRAINT ck_stripe_event_event_id_not_empty CHECK (length(event_id) > 0), 
	CONSTRAINT ck_stripe_event_via CHECK (via IN ('webhook', 'listed', 'found')), 
	CONSTRAINT uq_stripe_event_event_id UNIQUE (event_id), 
	CONSTRAINT fk_stripe_event_state FOREIGN KEY(state) REFERENCES stripe_event_state (code)
)
-- next --
CREATE INDEX ix_stripe_event_due ON stripe_event (due_at, id) WHERE state = 'new'
-- next --
CREATE INDEX ix_stripe_event_object_id ON stripe_event (object_id)
-- next --
CREATE INDEX ix_stripe_event_state ON stripe_event (state)
-- next --
CREATE INDEX ix_stripe_event_type ON stripe_event (type)
-- next --
CREATE TRIGGER stripe_event_no_update BEFORE UPDATE OF event_id, type, object_id, api_version, livemode, via, payload_sha256, happened_at, received_at, id ON stripe_event BEGIN SELECT RAISE(ABORT, 'stripe_event is append-only'); END
-- next --
CREATE TRIGGER stripe_event_no_renumber BEFORE UPDATE ON stripe_event WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'stripe_event is append-only'); END
-- next --
CREATE TRIGGER stripe_event_no_delete BEFORE DELETE ON stripe_event BEGIN SELECT RAISE(ABORT, 'stripe_event is append-only'); END
-- next --
CREATE TRIGGER stripe_event_no_replace BEFORE INSERT ON stripe_event WHEN EXISTS (SELECT 1 FROM stripe_event WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'stripe_event is append-only'); END
-- next --
CREATE TABLE passkey_challenge (
	person_id CHAR(32) NOT NULL, 
	purpose VARCHAR(40) NOT NULL, 
	challenge VARCHAR(88) NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	used_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_passkey_challenge PRIMARY KEY (id), 
	CONSTRAINT fk_passkey_challenge_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_passkey_challenge_purpose FOREIGN KEY(purpose) REFERENCES passkey_purpose (code), 
	CONSTRAINT uq_passkey_challenge_challenge UNIQUE (challenge)
)
-- next --
CREATE INDEX ix_passkey_challenge_made_at ON passkey_challenge (made_at)
-- next --
CREATE INDEX ix_passkey_challenge_person_id ON passkey_challenge (person_id)
-- next --
CREATE TRIGGER passkey_challenge_once BEFORE UPDATE ON passkey_challenge WHEN OLD.used_at IS NOT NULL OR NEW.person_id <> OLD.person_id OR NEW.purpose <> OLD.purpose OR NEW.challenge <> OLD.challenge OR NEW.made_at <> OLD.made_at BEGIN SELECT RAISE(ABORT, 'passkey_challenge_once: a challenge is good once, and for whom it was made'); END
-- next --
CREATE TABLE recovery_code (
	person_id CHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	void_at VARCHAR(27), 
	used_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_recovery_code PRIMARY KEY (id), 
	CONSTRAINT fk_recovery_code_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_recovery_code_digest UNIQUE (digest)
)
-- next --
CREATE INDEX ix_recovery_code_person_id ON recovery_code (person_id)
-- next --
CREATE TRIGGER recovery_code_once BEFORE UPDATE ON recovery_code WHEN OLD.used_at IS NOT NULL AND (NEW.used_at IS NULL OR NEW.used_at <> OLD.used_at) BEGIN SELECT RAISE(ABORT, 'recovery_code_once: a recovery code is good once'); END
-- next --
CREATE TABLE second_factor_reset (
	person_id CHAR(32) NOT NULL, 
	asked_by CHAR(32) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	agreed BOOLEAN, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_second_factor_reset PRIMARY KEY (id), 
	CONSTRAINT ck_second_factor_reset_by_two_others CHECK (asked_by <> person_id AND (decided_by IS NULL OR (decided_by <> asked_by AND decided_by <> person_id))), 
	CONSTRAINT ck_second_factor_reset_decided_whole CHECK ((decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)), 
	CONSTRAINT fk_second_factor_reset_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_second_factor_reset_asked_by FOREIGN KEY(asked_by) REFERENCES person (id), 
	CONSTRAINT fk_second_factor_reset_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_second_factor_reset_person_id ON second_factor_reset (person_id)
-- next --
CREATE UNIQUE INDEX uq_second_factor_reset_open ON second_factor_reset (person_id) WHERE decided_at IS NULL
-- next --
CREATE TRIGGER second_factor_reset_decided_once BEFORE UPDATE ON second_factor_reset WHEN OLD.decided_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'second_factor_reset_decided_once: this reset is decided'); END
-- next --
CREATE TABLE date_rule (
	code VARCHAR(40) NOT NULL, 
	kind VARCHAR(20), 
	anchor VARCHAR(40) NOT NULL, 
	days INTEGER, 
	roll VARCHAR(40) NOT NULL, 
	at_time VARCHAR(5), 
	source VARCHAR(400) NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_date_rule PRIMARY KEY (id), 
	CONSTRAINT ck_date_rule_days_within_reason CHECK (days IS NULL OR days BETWEEN -1500 AND 1500), 
	CONSTRAINT ck_date_rule_has_source CHECK (source <> ''), 
	CONSTRAINT ck_date_rule_anchor_is_another CHECK (anchor <> code), 
	CONSTRAINT fk_date_rule_code FOREIGN KEY(code) REFERENCES date_kind (code), 
	CONSTRAINT fk_date_rule_kind FOREIGN KEY(kind) REFERENCES meeting_kind (code), 
	CONSTRAINT fk_date_rule_roll FOREIGN KEY(roll) REFERENCES date_roll (code)
)
-- next --
CREATE UNIQUE INDEX uq_date_rule_of_all ON date_rule (code) WHERE ended_at IS NULL AND kind IS NULL
-- next --
CREATE UNIQUE INDEX uq_date_rule_of_kind ON date_rule (code, kind) WHERE ended_at IS NULL AND kind IS NOT NULL
-- next --
CREATE TRIGGER date_rule_no_update BEFORE UPDATE OF code, kind, anchor, days, roll, at_time, source, set_at, id ON date_rule BEGIN SELECT RAISE(ABORT, 'date_rule is append-only'); END
-- next --
CREATE TRIGGER date_rule_no_renumber BEFORE UPDATE ON date_rule WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'date_rule is append-only'); END
-- next --
CREATE TRIGGER date_rule_no_delete BEFORE DELETE ON date_rule BEGIN SELECT RAISE(ABORT, 'date_rule is append-only'); END
-- next --
CREATE TRIGGER date_rule_no_replace BEFORE INSERT ON date_rule WHEN EXISTS (SELECT 1 FROM date_rule WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'date_rule is append-only'); END
-- next --
CREATE TABLE calendar_subscription (
	person_id CHAR(32) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	wanted JSON NOT NULL, 
	by_mail BOOLEAN NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	revoked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_calendar_subscription PRIMARY KEY (id), 
	CONSTRAINT ck_calendar_subscription_digest_whole CHECK (length(token_sha256) = 64), 
	CONSTRAINT fk_calendar_subscription_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_calendar_subscription_token_sha256 UNIQUE (token_sha256)
)
-- next --
CREATE UNIQUE INDEX uq_calendar_subscription_live ON calendar_subscription (person_id) WHERE revoked_at IS NULL
-- next --
CREATE TABLE cover (
	pool_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	requested_by CHAR(32) NOT NULL, 
	requested_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_cover PRIMARY KEY (id), 
	CONSTRAINT ck_cover_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_cover_two_people CHECK (decided_by IS NULL OR decided_by <> requested_by), 
	CONSTRAINT ck_cover_decided_by_somebody CHECK ((state = 'requested') = (decided_by IS NULL)), 
	CONSTRAINT fk_cover_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT fk_cover_state FOREIGN KEY(state) REFERENCES cover_state (code), 
	CONSTRAINT ck_cover_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_cover_requested_by FOREIGN KEY(requested_by) REFERENCES person (id), 
	CONSTRAINT fk_cover_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_cover_state ON cover (state)
-- next --
CREATE UNIQUE INDEX uq_cover_one_under_way ON cover (pool_id) WHERE state = 'requested'
-- next --
CREATE TRIGGER cover_no_update BEFORE UPDATE OF pool_id, amount_minor, requested_by, requested_at, id ON cover BEGIN SELECT RAISE(ABORT, 'cover is append-only'); END
-- next --
CREATE TRIGGER cover_no_renumber BEFORE UPDATE ON cover WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'cover is append-only'); END
-- next --
CREATE TRIGGER cover_no_delete BEFORE DELETE ON cover BEGIN SELECT RAISE(ABORT, 'cover is append-only'); END
-- next --
CREATE TRIGGER cover_no_replace BEFORE INSERT ON cover WHEN EXISTS (SELECT 1 FROM cover WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'cover is append-only'); END
-- next --
CREATE TABLE dsa_import (
	source VARCHAR(120) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	file_name VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	rates INTEGER NOT NULL, 
	imported_by CHAR(32) NOT NULL, 
	imported_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_dsa_import PRIMARY KEY (id), 
	CONSTRAINT ck_dsa_import_holds_rates CHECK (rates > 0), 
	CONSTRAINT ck_dsa_import_sha256_whole CHECK (length(sha256) = 64), 
	CONSTRAINT ck_dsa_import_withdrawn_by_somebody CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)), 
	CONSTRAINT uq_dsa_import_file_id UNIQUE (file_id), 
	CONSTRAINT fk_dsa_import_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_dsa_import_imported_by FOREIGN KEY(imported_by) REFERENCES person (id), 
	CONSTRAINT fk_dsa_import_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_dsa_import_imported_at ON dsa_import (imported_at)
-- next --
CREATE INDEX ix_dsa_import_sha256 ON dsa_import (sha256)
-- next --
CREATE TRIGGER dsa_import_no_update BEFORE UPDATE OF source, file_id, file_name, sha256, rates, imported_by, imported_at, id ON dsa_import BEGIN SELECT RAISE(ABORT, 'dsa_import is append-only'); END
-- next --
CREATE TRIGGER dsa_import_no_renumber BEFORE UPDATE ON dsa_import WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'dsa_import is append-only'); END
-- next --
CREATE TRIGGER dsa_import_no_delete BEFORE DELETE ON dsa_import BEGIN SELECT RAISE(ABORT, 'dsa_import is append-only'); END
-- next --
CREATE TRIGGER dsa_import_no_replace BEFORE INSERT ON dsa_import WHEN EXISTS (SELECT 1 FROM dsa_import WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'dsa_import is append-only'); END
-- next --
CREATE TRIGGER dsa_import_withdrawn_once BEFORE UPDATE ON dsa_import WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a withdrawal stands'); END
-- next --
CREATE TABLE rail_place (
	country VARCHAR(2) NOT NULL, 
	rail VARCHAR(40) NOT NULL, 
	serves BOOLEAN NOT NULL, 
	valid_from DATE NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	set_by CHAR(32) NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_rail_place PRIMARY KEY (id), 
	CONSTRAINT ck_rail_place_country_code CHECK (length(country) = 2 AND country = upper(country)), 
	CONSTRAINT fk_rail_place_rail FOREIGN KEY(rail) REFERENCES payment_rail (code), 
	CONSTRAINT fk_rail_place_set_by FOREIGN KEY(set_by) REFERENCES person (id), 
	CONSTRAINT fk_rail_place_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES person (id)
)
-- next --
CREATE UNIQUE INDEX uq_rail_place_live ON rail_place (country, rail, valid_from) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER rail_place_no_update BEFORE UPDATE OF country, rail, serves, valid_from, source, set_by, set_at, id ON rail_place BEGIN SELECT RAISE(ABORT, 'rail_place is append-only'); END
-- next --
CREATE TRIGGER rail_place_no_renumber BEFORE UPDATE ON rail_place WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'rail_place is append-only'); END
-- next --
CREATE TRIGGER rail_place_no_delete BEFORE DELETE ON rail_place BEGIN SELECT RAISE(ABORT, 'rail_place is append-only'); END
-- next --
CREATE TRIGGER rail_place_no_replace BEFORE INSERT ON rail_place WHEN EXISTS (SELECT 1 FROM rail_place WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'rail_place is append-only'); END
-- next --
CREATE TABLE sanctions_list (
	published_on DATE NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	persons INTEGER NOT NULL, 
	imported_at VARCHAR(27) NOT NULL, 
	imported_by CHAR(32) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_sanctions_list PRIMARY KEY (id), 
	CONSTRAINT ck_sanctions_list_names_somebody CHECK (persons > 0), 
	CONSTRAINT uq_sanctions_list_sha256 UNIQUE (sha256), 
	CONSTRAINT fk_sanctions_list_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_sanctions_list_imported_by FOREIGN KEY(imported_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_sanctions_list_published_on_id ON sanctions_list (published_on, id)
-- next --
CREATE TRIGGER sanctions_list_no_update BEFORE UPDATE ON sanctions_list BEGIN SELECT RAISE(ABORT, 'sanctions_list is append-only'); END
-- next --
CREATE TRIGGER sanctions_list_no_delete BEFORE DELETE ON sanctions_list BEGIN SELECT RAISE(ABORT, 'sanctions_list is append-only'); END
-- next --
CREATE TRIGGER sanctions_list_no_replace BEFORE INSERT ON sanctions_list WHEN EXISTS (SELECT 1 FROM sanctions_list WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'sanctions_list is append-only'); END
-- next --
CREATE TABLE payment_instruction (
	number VARCHAR(30) NOT NULL, 
	content_sealed TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	signature VARCHAR(128) NOT NULL, 
	public_key VARCHAR(64) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	rail VARCHAR(40) NOT NULL, 
	total_minor BIGINT NOT NULL, 
	lines INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	released_by CHAR(32) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_payment_instruction PRIMARY KEY (id), 
	CONSTRAINT ck_payment_instruction_pays_something CHECK (total_minor > 0 AND lines > 0), 
	CONSTRAINT uq_payment_instruction_number UNIQUE (number), 
	CONSTRAINT fk_payment_instruction_rail FOREIGN KEY(rail) REFERENCES payment_rail (code), 
	CONSTRAINT ck_payment_instruction_total_minor_is_integer CHECK (typeof(total_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_payment_instruction_released_by FOREIGN KEY(released_by) REFERENCES person (id)
)
-- next --
CREATE TRIGGER payment_instruction_no_update BEFORE UPDATE ON payment_instruction BEGIN SELECT RAISE(ABORT, 'payment_instruction is append-only'); END
-- next --
CREATE TRIGGER payment_instruction_no_delete BEFORE DELETE ON payment_instruction BEGIN SELECT RAISE(ABORT, 'payment_instruction is append-only'); END
-- next --
CREATE TRIGGER payment_instruction_no_replace BEFORE INSERT ON payment_instruction WHEN EXISTS (SELECT 1 FROM payment_instruction WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'payment_instruction is append-only'); END
-- next --
CREATE TABLE bank_lead_time (
	country VARCHAR(2) NOT NULL, 
	valid_from DATE NOT NULL, 
	working_days INTEGER NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	set_by CHAR(32) NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_bank_lead_time PRIMARY KEY (id), 
	CONSTRAINT ck_bank_lead_time_days_of_a_quarter CHECK (working_days BETWEEN 0 AND 60), 
	CONSTRAINT ck_bank_lead_time_country_code CHECK (length(country) = 2 AND country = upper(country)), 
	CONSTRAINT fk_bank_lead_time_set_by FOREIGN KEY(set_by) REFERENCES person (id), 
	CONSTRAINT fk_bank_lead_time_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES person (id)
)
-- next --
CREATE UNIQUE INDEX uq_bank_lead_time_live ON bank_lead_time (country, valid_from) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER bank_lead_time_no_update BEFORE UPDATE OF country, valid_from, working_days, source, set_by, set_at, id ON bank_lead_time BEGIN SELECT RAISE(ABORT, 'bank_lead_time is append-only'); END
-- next --
CREATE TRIGGER bank_lead_time_no_renumber BEFORE UPDATE ON bank_lead_time WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'bank_lead_time is append-only'); END
-- next --
CREATE TRIGGER bank_lead_time_no_delete BEFORE DELETE ON bank_lead_time BEGIN SELECT RAISE(ABORT, 'bank_lead_time is append-only'); END
-- next --
CREATE TRIGGER bank_lead_time_no_replace BEFORE INSERT ON bank_lead_time WHEN EXISTS (SELECT 1 FROM bank_lead_time WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'bank_lead_time is append-only'); END
-- next --
CREATE TABLE closed_day (
	country VARCHAR(2) NOT NULL, 
	day DATE NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	set_by CHAR(32) NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	withdrawn_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_closed_day PRIMARY KEY (id), 
	CONSTRAINT ck_closed_day_country_code CHECK (length(country) = 2 AND country = upper(country)), 
	CONSTRAINT fk_closed_day_set_by FOREIGN KEY(set_by) REFERENCES person (id), 
	CONSTRAINT fk_closed_day_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES person (id)
)
-- next --
CREATE UNIQUE INDEX uq_closed_day_live ON closed_day (country, day) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER closed_day_no_update BEFORE UPDATE OF country, day, name, source, set_by, set_at, id ON closed_day BEGIN SELECT RAISE(ABORT, 'closed_day is append-only'); END
-- next --
CREATE TRIGGER closed_day_no_renumber BEFORE UPDATE ON closed_day WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'closed_day is append-only'); END
-- next --
CREATE TRIGGER closed_day_no_delete BEFORE DELETE ON closed_day BEGIN SELECT RAISE(ABORT, 'closed_day is append-only'); END
-- next --
CREATE TRIGGER closed_day_no_replace BEFORE INSERT ON closed_day WHEN EXISTS (SELECT 1 FROM closed_day WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'closed_day is append-only'); END
-- next --
CREATE TABLE officer_calendar (
	person_id CHAR(32) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	revoked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_officer_calendar PRIMARY KEY (id), 
	CONSTRAINT ck_officer_calendar_digest_whole CHECK (length(token_sha256) = 64), 
	CONSTRAINT fk_officer_calendar_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_officer_calendar_token_sha256 UNIQUE (token_sha256)
)
-- next --
CREATE UNIQUE INDEX uq_officer_calendar_live ON officer_calendar (person_id) WHERE revoked_at IS NULL
-- next --
CREATE TRIGGER officer_calendar_no_update BEFORE UPDATE OF person_id, token_sha256, made_at, id ON officer_calendar BEGIN SELECT RAISE(ABORT, 'officer_calendar is append-only'); END
-- next --
CREATE TRIGGER officer_calendar_no_renumber BEFORE UPDATE ON officer_calendar WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'officer_calendar is append-only'); END
-- next --
CREATE TRIGGER officer_calendar_no_delete BEFORE DELETE ON officer_calendar BEGIN SELECT RAISE(ABORT, 'officer_calendar is append-only'); END
-- next --
CREATE TRIGGER officer_calendar_no_replace BEFORE INSERT ON officer_calendar WHEN EXISTS (SELECT 1 FROM officer_calendar WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'officer_calendar is append-only'); END
-- next --
CREATE TABLE approval_rule (
	kind VARCHAR(40), 
	pool_id CHAR(32), 
	from_minor BIGINT NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	proposed_by CHAR(32) NOT NULL, 
	proposed_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	agreed BOOLEAN, 
	end_on DATE, 
	end_asked_by CHAR(32), 
	end_agreed_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_approval_rule PRIMARY KEY (id), 
	CONSTRAINT ck_approval_rule_amount_not_negative CHECK (from_minor >= 0), 
	CONSTRAINT ck_approval_rule_agreed_by_another CHECK (decided_by IS NULL OR decided_by <> proposed_by), 
	CONSTRAINT ck_approval_rule_decided_whole CHECK ((decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (agreed IS NULL)), 
	CONSTRAINT ck_approval_rule_end_asked_whole CHECK ((end_asked_by IS NULL) = (end_on IS NULL)), 
	CONSTRAINT ck_approval_rule_ended_by_two CHECK (end_agreed_by IS NULL OR (end_asked_by IS NOT NULL AND end_agreed_by <> end_asked_by)), 
	CONSTRAINT ck_approval_rule_ended_whole CHECK ((valid_to IS NULL) = (end_agreed_by IS NULL)), 
	CONSTRAINT ck_approval_rule_ends_as_asked CHECK (valid_to IS NULL OR (valid_to = end_on AND valid_to >= valid_from)), 
	CONSTRAINT fk_approval_rule_kind FOREIGN KEY(kind) REFERENCES disbursement_kind (code), 
	CONSTRAINT fk_approval_rule_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT ck_approval_rule_from_minor_is_integer CHECK (typeof(from_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_approval_rule_proposed_by FOREIGN KEY(proposed_by) REFERENCES person (id), 
	CONSTRAINT fk_approval_rule_decided_by FOREIGN KEY(decided_by) REFERENCES person (id), 
	CONSTRAINT fk_approval_rule_end_asked_by FOREIGN KEY(end_asked_by) REFERENCES person (id), 
	CONSTRAINT fk_approval_rule_end_agreed_by FOREIGN KEY(end_agreed_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_approval_rule_valid_from ON approval_rule (valid_from)
-- next --
CREATE TRIGGER approval_rule_no_update BEFORE UPDATE OF kind, pool_id, from_minor, valid_from, proposed_by, proposed_at, id ON approval_rule BEGIN SELECT RAISE(ABORT, 'approval_rule is append-only'); END
-- next --
CREATE TRIGGER approval_rule_no_renumber BEFORE UPDATE ON approval_rule WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'approval_rule is append-only'); END
-- next --
CREATE TRIGGER approval_rule_no_delete BEFORE DELETE ON approval_rule BEGIN SELECT RAISE(ABORT, 'approval_rule is append-only'); END
-- next --
CREATE TRIGGER approval_rule_no_replace BEFORE INSERT ON approval_rule WHEN EXISTS (SELECT 1 FROM approval_rule WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'approval_rule is append-only'); END
-- next --
CREATE TRIGGER approval_rule_decided_once BEFORE UPDATE ON approval_rule WHEN (OLD.decided_by IS NOT NULL AND (NEW.decided_by IS NULL OR NEW.decided_by <> OLD.decided_by OR NEW.decided_at <> OLD.decided_at OR (NEW.agreed AND NOT OLD.agreed) OR (OLD.agreed AND NOT NEW.agreed))) OR OLD.end_agreed_by IS NOT NULL BEGIN SELECT RAISE(ABORT, 'approval_rule_decided_once: a decision on a rule stands'); END
-- next --
CREATE TRIGGER approval_rule_end_asked_before BEFORE UPDATE ON approval_rule WHEN NEW.end_agreed_by IS NOT NULL AND (OLD.end_asked_by IS NULL OR OLD.end_asked_by <> NEW.end_asked_by OR OLD.end_on <> NEW.end_on) BEGIN SELECT RAISE(ABORT, 'approval_rule_end_asked_before: the end was not asked for'); END
-- next --
CREATE TRIGGER approval_rule_starts_undecided BEFORE INSERT ON approval_rule WHEN NEW.decided_by IS NOT NULL OR NEW.end_asked_by IS NOT NULL BEGIN SELECT RAISE(ABORT, 'approval_rule_starts_undecided: a rule starts as a proposal'); END
-- next --
CREATE TABLE release_stop (
	scope VARCHAR(20) NOT NULL, 
	stopped_by CHAR(32) NOT NULL, 
	stopped_at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	restart_asked_by CHAR(32), 
	restart_asked_at VARCHAR(27), 
	restarted_by CHAR(32), 
	restarted_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_release_stop PRIMARY KEY (id), 
	CONSTRAINT ck_release_stop_scope_known CHECK (scope = 'all'), 
	CONSTRAINT ck_release_stop_asked_whole CHECK ((restart_asked_by IS NULL) = (restart_asked_at IS NULL)), 
	CONSTRAINT ck_release_stop_restarted_whole CHECK ((restarted_by IS NULL) = (restarted_at IS NULL)), 
	CONSTRAINT ck_release_stop_restarted_by_two CHECK (restarted_by IS NULL OR (restart_asked_by IS NOT NULL AND restarted_by <> restart_asked_by)), 
	CONSTRAINT fk_release_stop_stopped_by FOREIGN KEY(stopped_by) REFERENCES person (id), 
	CONSTRAINT fk_release_stop_restart_asked_by FOREIGN KEY(restart_asked_by) REFERENCES person (id), 
	CONSTRAINT fk_release_stop_restarted_by FOREIGN KEY(restarted_by) REFERENCES person (id)
)
-- next --
CREATE UNIQUE INDEX uq_release_stop_stands ON release_stop (scope) WHERE restarted_at IS NULL
-- next --
CREATE TRIGGER release_stop_no_update BEFORE UPDATE OF scope, stopped_by, stopped_at, recorded_at, id ON release_stop BEGIN SELECT RAISE(ABORT, 'release_stop is append-only'); END
-- next --
CREATE TRIGGER release_stop_no_renumber BEFORE UPDATE ON release_stop WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'release_stop is append-only'); END
-- next --
CREATE TRIGGER release_stop_no_delete BEFORE DELETE ON release_stop BEGIN SELECT RAISE(ABORT, 'release_stop is append-only'); END
-- next --
CREATE TRIGGER release_stop_no_replace BEFORE INSERT ON release_stop WHEN EXISTS (SELECT 1 FROM release_stop WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'release_stop is append-only'); END
-- next --
CREATE TRIGGER release_stop_ends_once BEFORE UPDATE ON release_stop WHEN OLD.restarted_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'release_stop_ends_once: this stop has ended'); END
-- next --
CREATE TRIGGER release_stop_asked_before BEFORE UPDATE ON release_stop WHEN NEW.restarted_at IS NOT NULL AND (OLD.restart_asked_by IS NULL OR OLD.restart_asked_by <> NEW.restart_asked_by) BEGIN SELECT RAISE(ABORT, 'release_stop_asked_before: the restart was not asked for'); END
-- next --
CREATE TABLE organisation_name (
	organisation_id CHAR(32) NOT NULL, 
	language VARCHAR(12) NOT NULL, 
	form VARCHAR(10) NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	sort_key VARCHAR(600) NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	source VARCHAR(300) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_organisation_name PRIMARY KEY (id), 
	CONSTRAINT ck_organisation_name_form_known CHECK (form IN ('short', 'formal')), 
	CONSTRAINT ck_organisation_name_dates_in_order CHECK (valid_to IS NULL OR valid_to > valid_from), 
	CONSTRAINT uq_organisation_name_once UNIQUE (organisation_id, language, form, valid_from), 
	CONSTRAINT fk_organisation_name_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)
-- next --
CREATE INDEX ix_organisation_name_language_sort_key ON organisation_name (language, form, sort_key)
-- next --
CREATE INDEX ix_organisation_name_organisation_id ON organisation_name (organisation_id)
-- next --
CREATE TABLE organisation_fact (
	organisation_id CHAR(32) NOT NULL, 
	fact VARCHAR(40) NOT NULL, 
	value VARCHAR(60) NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	source VARCHAR(400) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_organisation_fact PRIMARY KEY (id), 
	CONSTRAINT ck_organisation_fact_dates_in_order CHECK (valid_to IS NULL OR valid_to > valid_from), 
	CONSTRAINT uq_organisation_fact_once UNIQUE (organisation_id, fact, value, valid_from), 
	CONSTRAINT fk_organisation_fact_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_organisation_fact_fact FOREIGN KEY(fact) REFERENCES organisation_fact_kind (code)
)
-- next --
CREATE INDEX ix_organisation_fact_organisation_id ON organisation_fact (organisation_id)
-- next --
CREATE TABLE membership (
	person_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	granted_by CHAR(32), 
	granted_at VARCHAR(27) NOT NULL, 
	evidence_file_id CHAR(32), 
	of_ministry BOOLEAN NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_membership PRIMARY KEY (id), 
	CONSTRAINT ck_membership_dates_in_order CHECK (valid_to IS NULL OR valid_to >= valid_from), 
	CONSTRAINT fk_membership_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_membership_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_membership_role FOREIGN KEY(role) REFERENCES membership_role (code), 
	CONSTRAINT fk_membership_granted_by FOREIGN KEY(granted_by) REFERENCES person (id), 
	CONSTRAINT fk_membership_evidence_file_id FOREIGN KEY(evidence_file_id) REFERENCES stored_file (id)
)
-- next --
CREATE INDEX ix_membership_organisation_id ON membership (organisation_id)
-- next --
CREATE INDEX ix_membership_person_id ON membership (person_id)
-- next --
CREATE INDEX ix_membership_role ON membership (role)
-- next --
CREATE UNIQUE INDEX uq_membership_open ON membership (person_id, organisation_id, role) WHERE valid_to IS NULL
-- next --
CREATE TRIGGER membership_separate_hands_insert BEFORE INSERT ON membership WHEN EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.person_id AND m.id <> NEW.id
 AND ((NEW.role = 'approving_officer' AND m.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'bank_signatory'))
 AND m.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND NEW.valid_from < COALESCE(m.valid_to, '9999-12-31')
 AND NEW.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND m.valid_from < COALESCE(m.valid_to, '9999-12-31')) BEGIN SELECT RAISE(ABORT, 'an approving officer may not be bank signatory or payee data officer at the same time'); END
-- next --
CREATE TRIGGER membership_separate_hands_update BEFORE UPDATE ON membership WHEN EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.person_id AND m.id <> NEW.id
 AND ((NEW.role = 'approving_officer' AND m.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND m.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND m.role = 'paymaster') OR (NEW.role = 'paymaster' AND m.role = 'bank_signatory'))
 AND m.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND NEW.valid_from < COALESCE(m.valid_to, '9999-12-31')
 AND NEW.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND m.valid_from < COALESCE(m.valid_to, '9999-12-31')) BEGIN SELECT RAISE(ABORT, 'an approving officer may not be bank signatory or payee data officer at the same time'); END
-- next --
CREATE TRIGGER membership_beside_designation_insert BEFORE INSERT ON membership WHEN EXISTS (SELECT 1 FROM designation d WHERE d.alternate_id = NEW.person_id AND d.revoked_at IS NULL AND ((NEW.role = 'approving_officer' AND d.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'bank_signatory')) AND NEW.valid_from < d.valid_to AND (NEW.valid_to IS NULL OR (NEW.valid_to > d.valid_from AND NEW.valid_to > NEW.valid_from))) BEGIN SELECT RAISE(ABORT, 'membership_beside_designation_insert: the person acts as alternate in a role that excludes this one'); END
-- next --
CREATE TRIGGER membership_beside_designation_update BEFORE UPDATE ON membership WHEN EXISTS (SELECT 1 FROM designation d WHERE d.alternate_id = NEW.person_id AND d.revoked_at IS NULL AND ((NEW.role = 'approving_officer' AND d.role = 'bank_signatory') OR (NEW.role = 'bank_signatory' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'payee_data_officer') OR (NEW.role = 'payee_data_officer' AND d.role = 'approving_officer') OR (NEW.role = 'approving_officer' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'approving_officer') OR (NEW.role = 'bank_signatory' AND d.role = 'paymaster') OR (NEW.role = 'paymaster' AND d.role = 'bank_signatory')) AND NEW.valid_from < d.valid_to AND (NEW.valid_to IS NULL OR (NEW.valid_to > d.valid_from AND NEW.valid_to > NEW.valid_from))) BEGIN SELECT RAISE(ABORT, 'membership_beside_designation_update: the person acts as alternate in a role that excludes this one'); END
-- next --
CREATE TABLE account_request (
	reference VARCHAR(20) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	letter_file_id CHAR(32) NOT NULL, 
	letter_date DATE NOT NULL, 
	primary_name_sealed TEXT NOT NULL, 
	primary_email_sealed TEXT NOT NULL, 
	backup_name_sealed TEXT NOT NULL, 
	backup_email_sealed TEXT NOT NULL, 
	primary_office_sealed TEXT, 
	backup_office_sealed TEXT, 
	primary_of_ministry BOOLEAN NOT NULL, 
	backup_of_ministry BOOLEAN NOT NULL, 
	locale VARCHAR(12) NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	decided_at VARCHAR(27), 
	decided_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_account_request PRIMARY KEY (id), 
	CONSTRAINT uq_account_request_reference UNIQUE (reference), 
	CONSTRAINT fk_account_request_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_account_request_state FOREIGN KEY(state) REFERENCES account_request_state (code), 
	CONSTRAINT fk_account_request_letter_file_id FOREIGN KEY(letter_file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_account_request_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_account_request_organisation_id ON account_request (organisation_id)
-- next --
CREATE INDEX ix_account_request_state ON account_request (state)
-- next --
CREATE TABLE exchange_rate (
	import_id CHAR(32) NOT NULL, 
	source VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	base VARCHAR(3) NOT NULL, 
	day DATE NOT NULL, 
	rate VARCHAR(19) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_exchange_rate PRIMARY KEY (id), 
	CONSTRAINT fk_exchange_rate_import FOREIGN KEY(import_id, source) REFERENCES rate_import (id, source), 
	CONSTRAINT ck_exchange_rate_currencies CHECK (length(currency) = 3 AND currency = upper(currency) AND length(base) = 3 AND currency <> base), 
	CONSTRAINT ck_exchange_rate_rate_is_positive CHECK (typeof(rate) = 'text' AND rate GLOB '[0-9]*' AND rate GLOB '*[0-9]' AND rate GLOB '*[1-9]*' AND rate NOT GLOB '*[^0-9.]*' AND rate NOT GLOB '*.*.*' AND instr(rate || '.', '.') <= 11 AND length(rate) - instr(rate || '.', '.') <= 8)
)
-- next --
CREATE INDEX ix_exchange_rate_currency_day ON exchange_rate (currency, day)
-- next --
CREATE INDEX ix_exchange_rate_import_id ON exchange_rate (import_id)
-- next --
CREATE UNIQUE INDEX uq_exchange_rate_live ON exchange_rate (source, currency, day) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER exchange_rate_no_update BEFORE UPDATE OF import_id, source, currency, base, day, rate, id ON exchange_rate BEGIN SELECT RAISE(ABORT, 'exchange_rate is append-only'); END
-- next --
CREATE TRIGGER exchange_rate_no_renumber BEFORE UPDATE ON exchange_rate WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'exchange_rate is append-only'); END
-- next --
CREATE TRIGGER exchange_rate_no_delete BEFORE DELETE ON exchange_rate BEGIN SELECT RAISE(ABORT, 'exchange_rate is append-only'); END
-- next --
CREATE TRIGGER exchange_rate_no_replace BEFORE INSERT ON exchange_rate WHEN EXISTS (SELECT 1 FROM exchange_rate WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'exchange_rate is append-only'); END
-- next --
CREATE TRIGGER rate_import_frees_days AFTER UPDATE OF withdrawn_at ON rate_import BEGIN UPDATE exchange_rate SET withdrawn_at = NEW.withdrawn_at WHERE import_id = NEW.id; END
-- next --
CREATE TRIGGER exchange_rate_enters_alive BEFORE INSERT ON exchange_rate WHEN NEW.withdrawn_at IS NOT NULL OR (SELECT withdrawn_at FROM rate_import WHERE id = NEW.import_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a rate stands and falls with its import'); END
-- next --
CREATE TRIGGER exchange_rate_falls_with_import BEFORE UPDATE ON exchange_rate WHEN NEW.withdrawn_at IS NOT (SELECT withdrawn_at FROM rate_import WHERE id = NEW.import_id) BEGIN SELECT RAISE(ABORT, 'a rate stands and falls with its import'); END
-- next --
CREATE TABLE agreement (
	organisation_id CHAR(32) NOT NULL, 
	reference VARCHAR(80) NOT NULL, 
	exchange_of_letters DATE NOT NULL, 
	support_rate_bp INTEGER NOT NULL, 
	end_date DATE, 
	refund_clause VARCHAR(40) NOT NULL, 
	pool_id CHAR(32) NOT NULL, 
	recorded_by CHAR(32), 
	recorded_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_agreement PRIMARY KEY (id), 
	CONSTRAINT ck_agreement_support_rate_plausible CHECK (support_rate_bp BETWEEN 0 AND 5000), 
	CONSTRAINT ck_agreement_dates_in_order CHECK (end_date IS NULL OR end_date > exchange_of_letters), 
	CONSTRAINT uq_agreement_reference UNIQUE (organisation_id, reference), 
	CONSTRAINT fk_agreement_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_agreement_refund_clause FOREIGN KEY(refund_clause) REFERENCES refund_clause (code), 
	CONSTRAINT fk_agreement_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT fk_agreement_recorded_by FOREIGN KEY(recorded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_agreement_organisation_id ON agreement (organisation_id)
-- next --
CREATE TRIGGER agreement_no_update BEFORE UPDATE ON agreement BEGIN SELECT RAISE(ABORT, 'agreement is append-only'); END
-- next --
CREATE TRIGGER agreement_no_delete BEFORE DELETE ON agreement BEGIN SELECT RAISE(ABORT, 'agreement is append-only'); END
-- next --
CREATE TRIGGER agreement_no_replace BEFORE INSERT ON agreement WHEN EXISTS (SELECT 1 FROM agreement WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'agreement is append-only'); END
-- next --
CREATE TABLE account_month (
	account_id CHAR(32) NOT NULL, 
	month INTEGER NOT NULL, 
	debits BIGINT NOT NULL, 
	credits BIGINT NOT NULL, 
	legs BIGINT NOT NULL, 
	CONSTRAINT pk_account_month PRIMARY KEY (account_id, month), 
	CONSTRAINT ck_account_month_totals_positive CHECK (debits >= 0 AND credits >= 0 AND legs > 0), 
	CONSTRAINT ck_account_month_month CHECK (month % 100 BETWEEN 1 AND 12 AND month > 190000), 
	CONSTRAINT fk_account_month_account_id FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT ck_account_month_debits_is_integer CHECK (typeof(debits) IN ('integer', 'null')), 
	CONSTRAINT ck_account_month_credits_is_integer CHECK (typeof(credits) IN ('integer', 'null')), 
	CONSTRAINT ck_account_month_legs_is_integer CHECK (typeof(legs) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER account_month_no_update BEFORE UPDATE OF account_id, month ON account_month BEGIN SELECT RAISE(ABORT, 'account_month is append-only'); END
-- next --
CREATE TRIGGER account_month_no_renumber BEFORE UPDATE ON account_month WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'account_month is append-only'); END
-- next --
CREATE TRIGGER account_month_no_delete BEFORE DELETE ON account_month BEGIN SELECT RAISE(ABORT, 'account_month is append-only'); END
-- next --
CREATE TRIGGER account_month_no_replace BEFORE INSERT ON account_month WHEN EXISTS (SELECT 1 FROM account_month WHERE (account_id = NEW.account_id AND month = NEW.month) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'account_month is append-only'); END
-- next --
CREATE TABLE leg (
	entry_id CHAR(32) NOT NULL, 
	n INTEGER NOT NULL, 
	account_id CHAR(32) NOT NULL, 
	side VARCHAR(1) NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	original_minor BIGINT NOT NULL, 
	original_currency VARCHAR(3) NOT NULL, 
	rate VARCHAR(40), 
	rate_source VARCHAR(80), 
	rate_date DATE, 
	CONSTRAINT pk_leg PRIMARY KEY (entry_id, n), 
	CONSTRAINT ck_leg_side CHECK (side IN ('D', 'C')), 
	CONSTRAINT ck_leg_amount CHECK (usd_minor > 0 AND usd_minor <= 100000000000000), 
	CONSTRAINT ck_leg_original CHECK ((original_currency = 'USD' AND original_minor = usd_minor AND rate IS NULL AND rate_source IS NULL AND rate_date IS NULL) OR (original_currency <> 'USD' AND original_minor >= 0 AND rate IS NOT NULL AND rate_source IS NOT NULL AND rate_date IS NOT NULL)), 
	CONSTRAINT fk_leg_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT fk_leg_account_id FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT ck_leg_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_leg_original_minor_is_integer CHECK (typeof(original_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_leg_account_id_entry_id ON leg (account_id, entry_id)
-- next --
CREATE TRIGGER leg_no_update BEFORE UPDATE ON leg BEGIN SELECT RAISE(ABORT, 'leg is append-only'); END
-- next --
CREATE TRIGGER leg_no_delete BEFORE DELETE ON leg BEGIN SELECT RAISE(ABORT, 'leg is append-only'); END
-- next --
CREATE TRIGGER leg_no_replace BEFORE INSERT ON leg WHEN EXISTS (SELECT 1 FROM leg WHERE (entry_id = NEW.entry_id AND n = NEW.n) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'leg is append-only'); END
-- next --
CREATE TRIGGER leg_joins_unposted BEFORE INSERT ON leg WHEN EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'the entry is posted'); END
-- next --
CREATE TABLE held_receipt (
	"key" VARCHAR(200) NOT NULL, 
	source_type VARCHAR(40) NOT NULL, 
	source_id CHAR(32) NOT NULL, 
	clearing VARCHAR(40) NOT NULL, 
	gross_minor BIGINT NOT NULL, 
	exchange_minor BIGINT NOT NULL, 
	fee_minor BIGINT NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	accepted_minor BIGINT NOT NULL, 
	refunded_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_held_receipt PRIMARY KEY (id), 
	CONSTRAINT uq_held_receipt_source_type_source_id UNIQUE (source_type, source_id), 
	CONSTRAINT ck_held_receipt_amounts CHECK (gross_minor > 0 AND fee_minor >= 0 AND fee_minor < gross_minor + exchange_minor), 
	CONSTRAINT ck_held_receipt_parts_positive CHECK (accepted_minor >= 0 AND refunded_minor >= 0), 
	CONSTRAINT ck_held_receipt_leaves_once CHECK (accepted_minor + refunded_minor <= gross_minor + exchange_minor), 
	CONSTRAINT uq_held_receipt_key UNIQUE ("key"), 
	CONSTRAINT ck_held_receipt_gross_minor_is_integer CHECK (typeof(gross_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_held_receipt_exchange_minor_is_integer CHECK (typeof(exchange_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_held_receipt_fee_minor_is_integer CHECK (typeof(fee_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_held_receipt_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_held_receipt_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT ck_held_receipt_accepted_minor_is_integer CHECK (typeof(accepted_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_held_receipt_refunded_minor_is_integer CHECK (typeof(refunded_minor) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER held_receipt_no_update BEFORE UPDATE OF key, source_type, source_id, clearing, gross_minor, exchange_minor, fee_minor, received_at, entry_id, id ON held_receipt BEGIN SELECT RAISE(ABORT, 'held_receipt is append-only'); END
-- next --
CREATE TRIGGER held_receipt_no_renumber BEFORE UPDATE ON held_receipt WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'held_receipt is append-only'); END
-- next --
CREATE TRIGGER held_receipt_no_delete BEFORE DELETE ON held_receipt BEGIN SELECT RAISE(ABORT, 'held_receipt is append-only'); END
-- next --
CREATE TRIGGER held_receipt_no_replace BEFORE INSERT ON held_receipt WHEN EXISTS (SELECT 1 FROM held_receipt WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'held_receipt is append-only'); END
-- next --
CREATE TRIGGER held_receipt_keeps_key BEFORE INSERT ON held_receipt WHEN EXISTS (SELECT 1 FROM held_receipt WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'held_receipt holds this key already'); END
-- next --
CREATE TRIGGER held_receipt_keeps_source_type BEFORE INSERT ON held_receipt WHEN EXISTS (SELECT 1 FROM held_receipt WHERE source_type = NEW.source_type AND source_id = NEW.source_id) BEGIN SELECT RAISE(ABORT, 'held_receipt holds this source_type already'); END
-- next --
CREATE TRIGGER held_receipt_keeps_entry_id BEFORE INSERT ON held_receipt WHEN EXISTS (SELECT 1 FROM held_receipt WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'held_receipt holds this entry_id already'); END
-- next --
CREATE TABLE lot (
	"key" VARCHAR(200) NOT NULL, 
	pool_id CHAR(32) NOT NULL, 
	source_type VARCHAR(40) NOT NULL, 
	source_id CHAR(32) NOT NULL, 
	deposited_at VARCHAR(27) NOT NULL, 
	end_date DATE, 
	rate_bp INTEGER NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	reserved_minor BIGINT NOT NULL, 
	spent_minor BIGINT NOT NULL, 
	charged_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_lot PRIMARY KEY (id), 
	CONSTRAINT ck_lot_amount CHECK (amount_minor > 0 AND amount_minor <= 100000000000000), 
	CONSTRAINT ck_lot_parts_positive CHECK (reserved_minor >= 0 AND spent_minor >= 0 AND charged_minor >= 0), 
	CONSTRAINT ck_lot_not_overdrawn CHECK (reserved_minor + spent_minor + charged_minor <= amount_minor), 
	CONSTRAINT ck_lot_rate CHECK (rate_bp >= 0 AND rate_bp <= 10000), 
	CONSTRAINT uq_lot_key UNIQUE ("key"), 
	CONSTRAINT fk_lot_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT uq_lot_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_lot_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT ck_lot_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_lot_reserved_minor_is_integer CHECK (typeof(reserved_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_lot_spent_minor_is_integer CHECK (typeof(spent_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_lot_charged_minor_is_integer CHECK (typeof(charged_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_lot_free ON lot (pool_id, end_date, deposited_at, id) WHERE amount_minor > reserved_minor + spent_minor + charged_minor
-- next --
CREATE INDEX ix_lot_pool_id ON lot (pool_id)
-- next --
CREATE INDEX ix_lot_source_type_source_id ON lot (source_type, source_id)
-- next --
CREATE TRIGGER lot_no_update BEFORE UPDATE OF key, pool_id, source_type, source_id, deposited_at, end_date, rate_bp, entry_id, amount_minor, id ON lot BEGIN SELECT RAISE(ABORT, 'lot is append-only'); END
-- next --
CREATE TRIGGER lot_no_renumber BEFORE UPDATE ON lot WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'lot is append-only'); END
-- next --
CREATE TRIGGER lot_no_delete BEFORE DELETE ON lot BEGIN SELECT RAISE(ABORT, 'lot is append-only'); END
-- next --
CREATE TRIGGER lot_no_replace BEFORE INSERT ON lot WHEN EXISTS (SELECT 1 FROM lot WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'lot is append-only'); END
-- next --
CREATE TRIGGER lot_keeps_key BEFORE INSERT ON lot WHEN EXISTS (SELECT 1 FROM lot WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'lot holds this key already'); END
-- next --
CREATE TRIGGER lot_keeps_entry_id BEFORE INSERT ON lot WHEN EXISTS (SELECT 1 FROM lot WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'lot holds this entry_id already'); END
-- next --
CREATE TABLE shortfall (
	entry_id CHAR(32) NOT NULL, 
	pool_id CHAR(32) NOT NULL, 
	becomes VARCHAR(10) NOT NULL, 
	source_type VARCHAR(40), 
	source_id CHAR(32), 
	amount_minor BIGINT NOT NULL, 
	covered_minor BIGINT NOT NULL, 
	CONSTRAINT pk_shortfall PRIMARY KEY (entry_id), 
	CONSTRAINT ck_shortfall_becomes CHECK (becomes IN ('fees', 'losses')), 
	CONSTRAINT ck_shortfall_amounts CHECK (amount_minor > 0 AND covered_minor >= 0 AND covered_minor <= amount_minor), 
	CONSTRAINT fk_shortfall_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT fk_shortfall_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT ck_shortfall_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_shortfall_covered_minor_is_integer CHECK (typeof(covered_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_shortfall_open ON shortfall (pool_id, entry_id) WHERE covered_minor < amount_minor
-- next --
CREATE INDEX ix_shortfall_source_type_source_id ON shortfall (source_type, source_id)
-- next --
CREATE TRIGGER shortfall_no_update BEFORE UPDATE OF entry_id, pool_id, becomes, source_type, source_id, amount_minor ON shortfall BEGIN SELECT RAISE(ABORT, 'shortfall is append-only'); END
-- next --
CREATE TRIGGER shortfall_no_renumber BEFORE UPDATE ON shortfall WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'shortfall is append-only'); END
-- next --
CREATE TRIGGER shortfall_no_delete BEFORE DELETE ON shortfall BEGIN SELECT RAISE(ABORT, 'shortfall is append-only'); END
-- next --
CREATE TRIGGER shortfall_no_replace BEFORE INSERT ON shortfall WHEN EXISTS (SELECT 1 FROM shortfall WHERE (entry_id = NEW.entry_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'shortfall is append-only'); END
-- next --
CREATE TRIGGER shortfall_is_covered_once BEFORE UPDATE OF covered_minor ON shortfall WHEN NEW.covered_minor <= OLD.covered_minor BEGIN SELECT RAISE(ABORT, 'what is covered stays covered'); END
-- next --
CREATE TABLE reservation (
	"key" VARCHAR(200) NOT NULL, 
	subject_type VARCHAR(40) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	reserved_at VARCHAR(27) NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_reservation PRIMARY KEY (id), 
	CONSTRAINT uq_reservation_key UNIQUE ("key"), 
	CONSTRAINT uq_reservation_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_reservation_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
)
-- next --
CREATE INDEX ix_reservation_subject_type_subject_id ON reservation (subject_type, subject_id)
-- next --
CREATE TRIGGER reservation_no_update BEFORE UPDATE ON reservation BEGIN SELECT RAISE(ABORT, 'reservation is append-only'); END
-- next --
CREATE TRIGGER reservation_no_delete BEFORE DELETE ON reservation BEGIN SELECT RAISE(ABORT, 'reservation is append-only'); END
-- next --
CREATE TRIGGER reservation_no_replace BEFORE INSERT ON reservation WHEN EXISTS (SELECT 1 FROM reservation WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'reservation is append-only'); END
-- next --
CREATE TRIGGER reservation_keeps_key BEFORE INSERT ON reservation WHEN EXISTS (SELECT 1 FROM reservation WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'reservation holds this key already'); END
-- next --
CREATE TRIGGER reservation_keeps_entry_id BEFORE INSERT ON reservation WHEN EXISTS (SELECT 1 FROM reservation WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'reservation holds this entry_id already'); END
-- next --
CREATE TABLE meeting_dates (
	meeting_id CHAR(32) NOT NULL, 
	old_start DATE, 
	old_end DATE, 
	new_start DATE, 
	new_end DATE, 
	reason VARCHAR(500) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_meeting_dates PRIMARY KEY (id), 
	CONSTRAINT ck_meeting_dates_both_new_days_or_none CHECK ((new_start IS NULL) = (new_end IS NULL)), 
	CONSTRAINT ck_meeting_dates_old_days_in_order CHECK (old_end >= old_start), 
	CONSTRAINT ck_meeting_dates_new_days_in_order CHECK (new_end >= new_start), 
	CONSTRAINT fk_meeting_dates_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id)
)
-- next --
CREATE INDEX ix_meeting_dates_meeting_id ON meeting_dates (meeting_id)
-- next --
CREATE TRIGGER meeting_dates_no_update BEFORE UPDATE ON meeting_dates BEGIN SELECT RAISE(ABORT, 'meeting_dates is append-only'); END
-- next --
CREATE TRIGGER meeting_dates_no_delete BEFORE DELETE ON meeting_dates BEGIN SELECT RAISE(ABORT, 'meeting_dates is append-only'); END
-- next --
CREATE TRIGGER meeting_dates_no_replace BEFORE INSERT ON meeting_dates WHEN EXISTS (SELECT 1 FROM meeting_dates WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'meeting_dates is append-only'); END
-- next --
CREATE TABLE mandate_meeting (
	mandate_id CHAR(32) NOT NULL, 
	meeting_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_mandate_meeting PRIMARY KEY (mandate_id, meeting_id), 
	CONSTRAINT fk_mandate_meeting_mandate_id FOREIGN KEY(mandate_id) REFERENCES mandate (id), 
	CONSTRAINT fk_mandate_meeting_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id)
)
-- next --
CREATE INDEX ix_mandate_meeting_meeting_id ON mandate_meeting (meeting_id)
-- next --
CREATE TABLE stripe_payout (
	payout_id VARCHAR(100) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	automatic BOOLEAN NOT NULL, 
	txn_id VARCHAR(100), 
	created_at VARCHAR(27) NOT NULL, 
	arrives_on DATE NOT NULL, 
	trace VARCHAR(100), 
	failure_code VARCHAR(60), 
	entry_id CHAR(32) NOT NULL, 
	back_entry_id CHAR(32), 
	checked_at VARCHAR(27), 
	reconciled_at VARCHAR(27), 
	contained_minor BIGINT, 
	contained_count INTEGER, 
	bank_reference VARCHAR(80), 
	value_date DATE, 
	confirmed_by CHAR(32), 
	confirmed_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_stripe_payout PRIMARY KEY (id), 
	CONSTRAINT ck_stripe_payout_amount_not_zero CHECK (amount_minor <> 0), 
	CONSTRAINT ck_stripe_payout_back_where_it_was CHECK ((state IN ('failed', 'cancelled')) = (back_entry_id IS NOT NULL)), 
	CONSTRAINT ck_stripe_payout_contents_known_at_once CHECK ((reconciled_at IS NULL) = (contained_minor IS NULL) AND (reconciled_at IS NULL) = (contained_count IS NULL)), 
	CONSTRAINT ck_stripe_payout_confirmed_by_somebody CHECK (state <> 'confirmed' OR confirmed_by IS NOT NULL), 
	CONSTRAINT ck_stripe_payout_confirmed_whole CHECK ((confirmed_by IS NULL AND confirmed_at IS NULL AND bank_reference IS NULL AND value_date IS NULL) OR (confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL AND bank_reference IS NOT NULL AND value_date IS NOT NULL)), 
	CONSTRAINT uq_stripe_payout_payout_id UNIQUE (payout_id), 
	CONSTRAINT fk_stripe_payout_state FOREIGN KEY(state) REFERENCES stripe_payout_state (code), 
	CONSTRAINT ck_stripe_payout_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_stripe_payout_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_stripe_payout_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT uq_stripe_payout_back_entry_id UNIQUE (back_entry_id), 
	CONSTRAINT fk_stripe_payout_back_entry_id FOREIGN KEY(back_entry_id) REFERENCES entry (id), 
	CONSTRAINT ck_stripe_payout_contained_minor_is_integer CHECK (typeof(contained_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_stripe_payout_bank_reference UNIQUE (bank_reference), 
	CONSTRAINT fk_stripe_payout_confirmed_by FOREIGN KEY(confirmed_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_stripe_payout_created_at ON stripe_payout (created_at)
-- next --
CREATE INDEX ix_stripe_payout_state ON stripe_payout (state)
-- next --
CREATE TRIGGER stripe_payout_no_update BEFORE UPDATE OF payout_id, amount_minor, automatic, created_at, entry_id, id ON stripe_payout BEGIN SELECT RAISE(ABORT, 'stripe_payout is append-only'); END
-- next --
CREATE TRIGGER stripe_payout_no_renumber BEFORE UPDATE ON stripe_payout WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'stripe_payout is append-only'); END
-- next --
CREATE TRIGGER stripe_payout_no_delete BEFORE DELETE ON stripe_payout BEGIN SELECT RAISE(ABORT, 'stripe_payout is append-only'); END
-- next --
CREATE TRIGGER stripe_payout_no_replace BEFORE INSERT ON stripe_payout WHEN EXISTS (SELECT 1 FROM stripe_payout WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'stripe_payout is append-only'); END
-- next --
CREATE TABLE second_factor (
	person_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	secret_sealed TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	confirmed_at VARCHAR(27), 
	last_step BIGINT, 
	ended_at VARCHAR(27), 
	ending VARCHAR(40), 
	reset_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_second_factor PRIMARY KEY (id), 
	CONSTRAINT ck_second_factor_secret_of_an_app CHECK ((kind = 'app') = (secret_sealed IS NOT NULL)), 
	CONSTRAINT ck_second_factor_ended_with_reason CHECK ((ended_at IS NULL) = (ending IS NULL)), 
	CONSTRAINT ck_second_factor_confirmed_by_code CHECK (kind <> 'app' OR confirmed_at IS NULL OR last_step IS NOT NULL), 
	CONSTRAINT ck_second_factor_reset_by_two CHECK (ending IS NULL OR ending <> 'reset' OR reset_id IS NOT NULL), 
	CONSTRAINT fk_second_factor_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_second_factor_kind FOREIGN KEY(kind) REFERENCES second_factor_kind (code), 
	CONSTRAINT fk_second_factor_ending FOREIGN KEY(ending) REFERENCES second_factor_ending (code), 
	CONSTRAINT fk_second_factor_reset_id FOREIGN KEY(reset_id) REFERENCES second_factor_reset (id)
)
-- next --
CREATE INDEX ix_second_factor_person_id ON second_factor (person_id)
-- next --
CREATE UNIQUE INDEX uq_second_factor_live ON second_factor (person_id) WHERE ended_at IS NULL AND kind = 'app'
-- next --
CREATE TRIGGER second_factor_step_rises BEFORE UPDATE ON second_factor WHEN OLD.last_step IS NOT NULL AND (NEW.last_step IS NULL OR NEW.last_step < OLD.last_step) BEGIN SELECT RAISE(ABORT, 'second_factor_step_rises: a code is taken once'); END
-- next --
CREATE TRIGGER second_factor_stays_ended BEFORE UPDATE ON second_factor WHEN OLD.ended_at IS NOT NULL AND (NEW.ended_at IS NULL OR NEW.ended_at <> OLD.ended_at) BEGIN SELECT RAISE(ABORT, 'second_factor_stays_ended: an ended factor stays ended'); END
-- next --
CREATE TRIGGER second_factor_reset_is_agreed BEFORE UPDATE ON second_factor WHEN NEW.ending = 'reset' AND NOT EXISTS (SELECT 1 FROM second_factor_reset r WHERE r.id = NEW.reset_id AND r.person_id = NEW.person_id AND r.agreed) BEGIN SELECT RAISE(ABORT, 'second_factor_reset_is_agreed: a second person has not agreed'); END
-- next --
CREATE TRIGGER second_factor_stays_its_persons BEFORE UPDATE ON second_factor WHEN NEW.person_id <> OLD.person_id OR NEW.kind <> OLD.kind BEGIN SELECT RAISE(ABORT, 'second_factor_stays_its_persons: a second factor stays what it is'); END
-- next --
CREATE TABLE dependent_date (
	meeting_id CHAR(32) NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	day DATE NOT NULL, 
	at_time VARCHAR(5), 
	by_hand BOOLEAN NOT NULL, 
	look_again BOOLEAN NOT NULL, 
	dropped BOOLEAN NOT NULL, 
	sequence INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_dependent_date PRIMARY KEY (id), 
	CONSTRAINT uq_dependent_date_meeting_id_code UNIQUE (meeting_id, code), 
	CONSTRAINT ck_dependent_date_only_a_hand_looks_again CHECK (by_hand OR NOT look_again), 
	CONSTRAINT ck_dependent_date_sequence_not_negative CHECK (sequence >= 0), 
	CONSTRAINT fk_dependent_date_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_dependent_date_code FOREIGN KEY(code) REFERENCES date_kind (code)
)
-- next --
CREATE INDEX ix_dependent_date_code ON dependent_date (code)
-- next --
CREATE TABLE dependent_date_change (
	meeting_id CHAR(32) NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	old_day DATE, 
	new_day DATE, 
	reason VARCHAR(500) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_dependent_date_change PRIMARY KEY (id), 
	CONSTRAINT fk_dependent_date_change_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_dependent_date_change_code FOREIGN KEY(code) REFERENCES date_kind (code)
)
-- next --
CREATE INDEX ix_dependent_date_change_meeting_id ON dependent_date_change (meeting_id)
-- next --
CREATE TRIGGER dependent_date_change_no_update BEFORE UPDATE ON dependent_date_change BEGIN SELECT RAISE(ABORT, 'dependent_date_change is append-only'); END
-- next --
CREATE TRIGGER dependent_date_change_no_delete BEFORE DELETE ON dependent_date_change BEGIN SELECT RAISE(ABORT, 'dependent_date_change is append-only'); END
-- next --
CREATE TRIGGER dependent_date_change_no_replace BEFORE INSERT ON dependent_date_change WHEN EXISTS (SELECT 1 FROM dependent_date_change WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'dependent_date_change is append-only'); END
-- next --
CREATE TABLE programme (
	meeting_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	symbol VARCHAR(80), 
	teams INTEGER NOT NULL, 
	numbered INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_programme PRIMARY KEY (id), 
	CONSTRAINT ck_programme_teams CHECK (teams BETWEEN 0 AND 20), 
	CONSTRAINT ck_programme_numbered_not_negative CHECK (numbered >= 0), 
	CONSTRAINT uq_programme_meeting_id UNIQUE (meeting_id), 
	CONSTRAINT fk_programme_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_programme_state FOREIGN KEY(state) REFERENCES programme_state (code)
)
-- next --
CREATE INDEX ix_programme_state ON programme (state)
-- next --
CREATE TABLE document (
	meeting_id CHAR(32) NOT NULL, 
	symbol VARCHAR(80), 
	base_symbol VARCHAR(80), 
	type VARCHAR(40) NOT NULL, 
	title VARCHAR(400) NOT NULL, 
	agenda_items JSON NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	issued_on DATE, 
	withdrawn_reason VARCHAR(500), 
	created_at VARCHAR(27) NOT NULL, 
	changed_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_document PRIMARY KEY (id), 
	CONSTRAINT ck_document_symbol_has_base CHECK ((symbol IS NULL) = (base_symbol IS NULL)), 
	CONSTRAINT ck_document_has_title CHECK (title <> ''), 
	CONSTRAINT ck_document_issued_has_day CHECK (state NOT IN ('issued', 'withdrawn') OR issued_on IS NOT NULL), 
	CONSTRAINT ck_document_withdrawn_has_reason CHECK ((state = 'withdrawn') = (withdrawn_reason IS NOT NULL)), 
	CONSTRAINT fk_document_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_document_type FOREIGN KEY(type) REFERENCES document_type (code), 
	CONSTRAINT fk_document_state FOREIGN KEY(state) REFERENCES document_state (code)
)
-- next --
CREATE INDEX ix_document_base_symbol ON document (base_symbol)
-- next --
CREATE INDEX ix_document_meeting_id_issued_on ON document (meeting_id, issued_on)
-- next --
CREATE INDEX ix_document_state ON document (state)
-- next --
CREATE UNIQUE INDEX uq_document_symbol ON document (symbol) WHERE symbol IS NOT NULL AND state <> 'dropped'
-- next --
CREATE TRIGGER document_keeps_symbol BEFORE UPDATE ON document WHEN OLD.state <> 'draft' AND NOT coalesce(OLD.symbol = NEW.symbol, OLD.symbol IS NULL AND NEW.symbol IS NULL) BEGIN SELECT RAISE(ABORT, 'document_keeps_symbol: the symbol of an issued document does not change'); END
-- next --
CREATE TABLE call (
	reference VARCHAR(20) NOT NULL, 
	meeting_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	opens_at VARCHAR(27) NOT NULL, 
	closes_at VARCHAR(27) NOT NULL, 
	grace_until VARCHAR(27) NOT NULL, 
	decide_by DATE NOT NULL, 
	panel_meets_on DATE, 
	offer_days INTEGER NOT NULL, 
	seats_per_state INTEGER NOT NULL, 
	package VARCHAR(40) NOT NULL, 
	estimate_ticket_minor BIGINT NOT NULL, 
	estimate_dsa_minor BIGINT NOT NULL, 
	estimate_terminal_minor BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	ceiling_minor BIGINT, 
	criteria JSON NOT NULL, 
	governance_text TEXT NOT NULL, 
	guidance_text TEXT NOT NULL, 
	required_papers JSON NOT NULL, 
	questions JSON NOT NULL, 
	ranking_round INTEGER NOT NULL, 
	recommendation_round INTEGER NOT NULL, 
	suspended_from VARCHAR(40), 
	is_demo BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	ranking_method VARCHAR(40) NOT NULL, 
	weights JSON, 
	late_rule VARCHAR(40) NOT NULL, 
	governance VARCHAR(40) NOT NULL, 
	part_first_day INTEGER, 
	part_last_day INTEGER, 
	copied_from_id CHAR(32), 
	announced_at VARCHAR(27), 
	announced_count INTEGER, 
	panel_round_open INTEGER, 
	panel_told_for INTEGER, 
	panel_reminded_for INTEGER, 
	head_told_for INTEGER, 
	equity_calls INTEGER NOT NULL, 
	equity_counted JSON, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_call PRIMARY KEY (id), 
	CONSTRAINT ck_call_opens_before_it_closes CHECK (opens_at < closes_at), 
	CONSTRAINT ck_call_grace_follows_closing CHECK (closes_at <= grace_until), 
	CONSTRAINT ck_call_panel_meets_in_time CHECK (panel_meets_on IS NULL OR panel_meets_on <= decide_by), 
	CONSTRAINT ck_call_offer_days CHECK (offer_days BETWEEN 1 AND 60), 
	CONSTRAINT ck_call_seats_per_state CHECK (seats_per_state BETWEEN 1 AND 5), 
	CONSTRAINT ck_call_estimates_not_negative CHECK (estimate_ticket_minor >= 0 AND estimate_dsa_minor >= 0 AND estimate_terminal_minor >= 0), 
	CONSTRAINT ck_call_estimate_of_something CHECK (estimate_ticket_minor + estimate_dsa_minor + estimate_terminal_minor > 0), 
	CONSTRAINT ck_call_ceiling_positive CHECK (ceiling_minor IS NULL OR ceiling_minor > 0), 
	CONSTRAINT ck_call_part_both_or_neither CHECK ((part_first_day IS NULL) = (part_last_day IS NULL)), 
	CONSTRAINT ck_call_part_in_order CHECK (part_first_day IS NULL OR part_first_day BETWEEN 1 AND part_last_day), 
	CONSTRAINT ck_call_announced_with_number CHECK ((announced_at IS NULL) = (announced_count IS NULL)), 
	CONSTRAINT ck_call_equity_calls CHECK (equity_calls BETWEEN 0 AND 10), 
	CONSTRAINT uq_call_reference UNIQUE (reference), 
	CONSTRAINT fk_call_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_call_state FOREIGN KEY(state) REFERENCES call_state (code), 
	CONSTRAINT fk_call_package FOREIGN KEY(package) REFERENCES call_package (code), 
	CONSTRAINT ck_call_estimate_ticket_minor_is_integer CHECK (typeof(estimate_ticket_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_call_estimate_dsa_minor_is_integer CHECK (typeof(estimate_dsa_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_call_estimate_terminal_minor_is_integer CHECK (typeof(estimate_terminal_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_call_ceiling_minor_is_integer CHECK (typeof(ceiling_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_call_ranking_method FOREIGN KEY(ranking_method) REFERENCES ranking_method (code), 
	CONSTRAINT fk_call_late_rule FOREIGN KEY(late_rule) REFERENCES call_late_rule (code), 
	CONSTRAINT fk_call_governance FOREIGN KEY(governance) REFERENCES call_governance (code), 
	CONSTRAINT fk_call_copied_from_id FOREIGN KEY(copied_from_id) REFERENCES call (id)
)
-- next --
CREATE INDEX ix_call_meeting_id ON call (meeting_id)
-- next --
CREATE INDEX ix_call_state ON call (state)
-- next --
CREATE TABLE dsa_rate (
	import_id CHAR(32) NOT NULL, 
	line INTEGER NOT NULL, 
	country VARCHAR(2) NOT NULL, 
	place VARCHAR(120) NOT NULL, 
	place_key VARCHAR(120) NOT NULL, 
	valid_from DATE NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	withdrawn_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_dsa_rate PRIMARY KEY (id), 
	CONSTRAINT ck_dsa_rate_amount_positive CHECK (usd_minor > 0), 
	CONSTRAINT ck_dsa_rate_country_code CHECK (length(country) = 2 AND country = upper(country)), 
	CONSTRAINT fk_dsa_rate_import_id FOREIGN KEY(import_id) REFERENCES dsa_import (id), 
	CONSTRAINT ck_dsa_rate_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_dsa_rate_import_id ON dsa_rate (import_id)
-- next --
CREATE UNIQUE INDEX uq_dsa_rate_live ON dsa_rate (country, place_key, valid_from) WHERE withdrawn_at IS NULL
-- next --
CREATE TRIGGER dsa_rate_no_update BEFORE UPDATE OF import_id, line, country, place, place_key, valid_from, usd_minor, id ON dsa_rate BEGIN SELECT RAISE(ABORT, 'dsa_rate is append-only'); END
-- next --
CREATE TRIGGER dsa_rate_no_renumber BEFORE UPDATE ON dsa_rate WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'dsa_rate is append-only'); END
-- next --
CREATE TRIGGER dsa_rate_no_delete BEFORE DELETE ON dsa_rate BEGIN SELECT RAISE(ABORT, 'dsa_rate is append-only'); END
-- next --
CREATE TRIGGER dsa_rate_no_replace BEFORE INSERT ON dsa_rate WHEN EXISTS (SELECT 1 FROM dsa_rate WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'dsa_rate is append-only'); END
-- next --
CREATE TRIGGER dsa_rate_enters_alive BEFORE INSERT ON dsa_rate WHEN NEW.withdrawn_at IS NOT NULL OR (SELECT withdrawn_at FROM dsa_import WHERE id = NEW.import_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a rate stands and falls with its import'); END
-- next --
CREATE TRIGGER dsa_rate_falls_with_import BEFORE UPDATE ON dsa_rate WHEN (NEW.withdrawn_at IS NULL) <> ((SELECT withdrawn_at FROM dsa_import WHERE id = NEW.import_id) IS NULL) BEGIN SELECT RAISE(ABORT, 'a rate stands and falls with its import'); END
-- next --
CREATE TABLE instruction_handover (
	instruction_id CHAR(32) NOT NULL, 
	receipt VARCHAR(60), 
	by_person CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_instruction_handover PRIMARY KEY (instruction_id), 
	CONSTRAINT fk_instruction_handover_instruction_id FOREIGN KEY(instruction_id) REFERENCES payment_instruction (id), 
	CONSTRAINT fk_instruction_handover_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE TRIGGER instruction_handover_no_update BEFORE UPDATE ON instruction_handover BEGIN SELECT RAISE(ABORT, 'instruction_handover is append-only'); END
-- next --
CREATE TRIGGER instruction_handover_no_delete BEFORE DELETE ON instruction_handover BEGIN SELECT RAISE(ABORT, 'instruction_handover is append-only'); END
-- next --
CREATE TRIGGER instruction_handover_no_replace BEFORE INSERT ON instruction_handover WHEN EXISTS (SELECT 1 FROM instruction_handover WHERE (instruction_id = NEW.instruction_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'instruction_handover is append-only'); END
-- next --
CREATE TRIGGER instruction_handover_is_held BEFORE INSERT ON instruction_handover WHEN EXISTS (SELECT 1 FROM payment_line l JOIN disbursement d ON d.id = l.disbursement_id JOIN payment_loss p ON p.disbursement_id = d.id OR p.disbursement_id = d.follows_id WHERE l.instruction_id = NEW.instruction_id AND d.state = 'released' AND d.round = l.round AND p.kind = 'paid_twice' AND p.state = 'asked') OR EXISTS (SELECT 1 FROM instruction_withdrawal w WHERE w.instruction_id = NEW.instruction_id) BEGIN SELECT RAISE(ABORT, 'instruction_handover_is_held: a payment in the file may have been made already'); END
-- next --
CREATE TRIGGER instruction_handover_not_kept BEFORE INSERT ON instruction_handover WHEN EXISTS (SELECT 1 FROM instruction_kept k WHERE k.instruction_id = NEW.instruction_id) BEGIN SELECT RAISE(ABORT, 'instruction_handover_not_kept: this file must never leave'); END
-- next --
CREATE TRIGGER handover_not_while_stopped BEFORE INSERT ON instruction_handover WHEN EXISTS (SELECT 1 FROM release_stop WHERE restarted_at IS NULL) BEGIN SELECT RAISE(ABORT, 'handover_not_while_stopped: all releases are stopped'); END
-- next --
CREATE TABLE instruction_kept (
	instruction_id CHAR(32) NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	by_person CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_instruction_kept PRIMARY KEY (instruction_id), 
	CONSTRAINT fk_instruction_kept_instruction_id FOREIGN KEY(instruction_id) REFERENCES payment_instruction (id), 
	CONSTRAINT fk_instruction_kept_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE TRIGGER instruction_kept_no_update BEFORE UPDATE ON instruction_kept BEGIN SELECT RAISE(ABORT, 'instruction_kept is append-only'); END
-- next --
CREATE TRIGGER instruction_kept_no_delete BEFORE DELETE ON instruction_kept BEGIN SELECT RAISE(ABORT, 'instruction_kept is append-only'); END
-- next --
CREATE TRIGGER instruction_kept_no_replace BEFORE INSERT ON instruction_kept WHEN EXISTS (SELECT 1 FROM instruction_kept WHERE (instruction_id = NEW.instruction_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'instruction_kept is append-only'); END
-- next --
CREATE TRIGGER instruction_kept_in_time BEFORE INSERT ON instruction_kept WHEN EXISTS (SELECT 1 FROM instruction_handover h WHERE h.instruction_id = NEW.instruction_id) OR EXISTS (SELECT 1 FROM payment_instruction i WHERE i.id = NEW.instruction_id AND i.rail <> 'transfer') BEGIN SELECT RAISE(ABORT, 'instruction_kept_in_time: the bank has the file'); END
-- next --
CREATE TABLE sanctions_entry (
	list_id CHAR(32) NOT NULL, 
	data_id VARCHAR(40) NOT NULL, 
	reference VARCHAR(60) NOT NULL, 
	listed_on DATE, 
	names JSON NOT NULL, 
	births JSON NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_sanctions_entry PRIMARY KEY (id), 
	CONSTRAINT uq_sanctions_entry_data_id UNIQUE (list_id, data_id), 
	CONSTRAINT fk_sanctions_entry_list_id FOREIGN KEY(list_id) REFERENCES sanctions_list (id)
)
-- next --
CREATE TRIGGER sanctions_entry_no_update BEFORE UPDATE ON sanctions_entry BEGIN SELECT RAISE(ABORT, 'sanctions_entry is append-only'); END
-- next --
CREATE TRIGGER sanctions_entry_no_delete BEFORE DELETE ON sanctions_entry BEGIN SELECT RAISE(ABORT, 'sanctions_entry is append-only'); END
-- next --
CREATE TRIGGER sanctions_entry_no_replace BEFORE INSERT ON sanctions_entry WHEN EXISTS (SELECT 1 FROM sanctions_entry WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'sanctions_entry is append-only'); END
-- next --
CREATE TABLE meeting_figure (
	meeting_id CHAR(32) NOT NULL, 
	delegates INTEGER NOT NULL, 
	states INTEGER NOT NULL, 
	few JSON NOT NULL, 
	women INTEGER NOT NULL, 
	men INTEGER NOT NULL, 
	groups JSON NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	first_year INTEGER, 
	last_year INTEGER, 
	kept_at VARCHAR(27) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	revised BOOLEAN NOT NULL, 
	CONSTRAINT pk_meeting_figure PRIMARY KEY (meeting_id), 
	CONSTRAINT ck_meeting_figure_states_of_delegates CHECK (delegates >= 0 AND states >= 0 AND states <= delegates), 
	CONSTRAINT ck_meeting_figure_sexes_of_delegates CHECK (women >= 0 AND men >= 0 AND women + men <= delegates), 
	CONSTRAINT ck_meeting_figure_amounts CHECK (direct_minor >= 0 AND support_minor >= 0), 
	CONSTRAINT ck_meeting_figure_years_in_order CHECK (first_year <= last_year), 
	CONSTRAINT fk_meeting_figure_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT ck_meeting_figure_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_meeting_figure_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null'))
)
-- next --
CREATE TABLE pool_bar (
	pool_id CHAR(32) NOT NULL, 
	meeting_id CHAR(32) NOT NULL, 
	barred_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_pool_bar PRIMARY KEY (pool_id), 
	CONSTRAINT fk_pool_bar_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT fk_pool_bar_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id)
)
-- next --
CREATE TRIGGER pool_bar_no_update BEFORE UPDATE ON pool_bar BEGIN SELECT RAISE(ABORT, 'pool_bar is append-only'); END
-- next --
CREATE TRIGGER pool_bar_no_delete BEFORE DELETE ON pool_bar BEGIN SELECT RAISE(ABORT, 'pool_bar is append-only'); END
-- next --
CREATE TRIGGER pool_bar_no_replace BEFORE INSERT ON pool_bar WHEN EXISTS (SELECT 1 FROM pool_bar WHERE (pool_id = NEW.pool_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'pool_bar is append-only'); END
-- next --
CREATE TABLE pledge (
	reference VARCHAR(20) NOT NULL, 
	draft_key VARCHAR(40) NOT NULL, 
	organisation_id CHAR(32), 
	donor_kind VARCHAR(40) NOT NULL, 
	donor_name_sealed TEXT, 
	donor_contact_sealed TEXT, 
	donor_email_sealed TEXT, 
	access_nonce VARCHAR(40), 
	locale VARCHAR(12) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	rate VARCHAR(40), 
	rate_source VARCHAR(80), 
	rate_date DATE, 
	current_minor BIGINT NOT NULL, 
	paid_minor BIGINT NOT NULL, 
	returned_minor BIGINT NOT NULL, 
	earmark JSON, 
	pool_id CHAR(32), 
	agreement_id CHAR(32), 
	state VARCHAR(40) NOT NULL, 
	schedule INTEGER NOT NULL, 
	next_due_on DATE, 
	reminded_at VARCHAR(27), 
	reminders INTEGER NOT NULL, 
	announced_at VARCHAR(27) NOT NULL, 
	announced_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_pledge PRIMARY KEY (id), 
	CONSTRAINT ck_pledge_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_pledge_never_more_than_announced CHECK (current_minor >= 0 AND current_minor <= amount_minor), 
	CONSTRAINT ck_pledge_parts_positive CHECK (paid_minor >= 0 AND returned_minor >= 0 AND returned_minor <= paid_minor), 
	CONSTRAINT ck_pledge_currency_code CHECK (length(currency) = 3 AND currency = upper(currency)), 
	CONSTRAINT ck_pledge_worth_at_its_rate CHECK ((currency = 'USD' AND usd_minor = amount_minor AND rate IS NULL AND rate_source IS NULL AND rate_date IS NULL) OR (currency <> 'USD' AND usd_minor > 0 AND rate IS NOT NULL AND rate_source IS NOT NULL AND rate_date IS NOT NULL)), 
	CONSTRAINT ck_pledge_never_anonymous CHECK ((organisation_id IS NOT NULL AND donor_name_sealed IS NULL AND donor_email_sealed IS NULL AND access_nonce IS NULL) OR (organisation_id IS NULL AND donor_name_sealed IS NOT NULL AND donor_email_sealed IS NOT NULL AND access_nonce IS NOT NULL)), 
	CONSTRAINT ck_pledge_agreement_has_party CHECK (agreement_id IS NULL OR organisation_id IS NOT NULL), 
	CONSTRAINT ck_pledge_agreed_under_an_agreement CHECK (state <> 'agreed' OR agreement_id IS NOT NULL), 
	CONSTRAINT uq_pledge_reference UNIQUE (reference), 
	CONSTRAINT uq_pledge_draft_key UNIQUE (draft_key), 
	CONSTRAINT fk_pledge_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_pledge_donor_kind FOREIGN KEY(donor_kind) REFERENCES donor_kind (code), 
	CONSTRAINT ck_pledge_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_pledge_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_pledge_current_minor_is_integer CHECK (typeof(current_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_pledge_paid_minor_is_integer CHECK (typeof(paid_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_pledge_returned_minor_is_integer CHECK (typeof(returned_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_pledge_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT fk_pledge_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id), 
	CONSTRAINT fk_pledge_state FOREIGN KEY(state) REFERENCES pledge_state (code), 
	CONSTRAINT fk_pledge_announced_by FOREIGN KEY(announced_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_pledge_agreement_id ON pledge (agreement_id)
-- next --
CREATE INDEX ix_pledge_announced_at ON pledge (announced_at)
-- next --
CREATE INDEX ix_pledge_due ON pledge (next_due_on, id) WHERE state IN ('announced', 'agreed', 'partly_paid', 'overdue', 'deferred', 'reduced')
-- next --
CREATE INDEX ix_pledge_organisation_id ON pledge (organisation_id)
-- next --
CREATE INDEX ix_pledge_pool_id ON pledge (pool_id)
-- next --
CREATE INDEX ix_pledge_state ON pledge (state)
-- next --
CREATE TRIGGER pledge_no_update BEFORE UPDATE OF reference, draft_key, organisation_id, donor_kind, donor_name_sealed, donor_contact_sealed, donor_email_sealed, locale, currency, amount_minor, usd_minor, rate, rate_source, rate_date, earmark, announced_at, announced_by, id ON pledge BEGIN SELECT RAISE(ABORT, 'pledge is append-only'); END
-- next --
CREATE TRIGGER pledge_no_renumber BEFORE UPDATE ON pledge WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'pledge is append-only'); END
-- next --
CREATE TRIGGER pledge_no_delete BEFORE DELETE ON pledge BEGIN SELECT RAISE(ABORT, 'pledge is append-only'); END
-- next --
CREATE TRIGGER pledge_no_replace BEFORE INSERT ON pledge WHEN EXISTS (SELECT 1 FROM pledge WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'pledge is append-only'); END
-- next --
CREATE TRIGGER pledge_ends_for_good BEFORE UPDATE OF state ON pledge WHEN OLD.state IN ('cancelled', 'written_off') AND NEW.state <> OLD.state BEGIN SELECT RAISE(ABORT, 'this pledge has ended for good'); END
-- next --
CREATE TRIGGER pledge_never_grows BEFORE UPDATE OF current_minor ON pledge WHEN NEW.current_minor > OLD.current_minor BEGIN SELECT RAISE(ABORT, 'a pledge is never raised, only made anew'); END
-- next --
CREATE TRIGGER pledge_agreement_stands BEFORE UPDATE OF agreement_id ON pledge WHEN OLD.agreement_id IS NOT NULL AND (NEW.agreement_id IS NULL OR NEW.agreement_id <> OLD.agreement_id) BEGIN SELECT RAISE(ABORT, 'a pledge stays under its agreement'); END
-- next --
CREATE TRIGGER pledge_schedule_sums BEFORE UPDATE OF schedule ON pledge WHEN NEW.schedule <> OLD.schedule AND (NEW.schedule < OLD.schedule OR NEW.current_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM instalment WHERE pledge_id = NEW.id AND schedule = NEW.schedule)) BEGIN SELECT RAISE(ABORT, 'the instalments are not the pledge'); END
-- next --
CREATE TRIGGER pledge_counts_in_its_year AFTER INSERT ON pledge WHEN NEW.organisation_id IS NOT NULL BEGIN UPDATE pledge_year SET usd_minor = usd_minor + NEW.usd_minor, pledges = pledges + 1 WHERE year = CAST(substr(NEW.announced_at, 1, 4) AS INTEGER); INSERT INTO pledge_year (year, usd_minor, pledges) SELECT CAST(substr(NEW.announced_at, 1, 4) AS INTEGER), NEW.usd_minor, 1 WHERE NOT EXISTS (SELECT 1 FROM pledge_year WHERE year = CAST(substr(NEW.announced_at, 1, 4) AS INTEGER)); END
-- next --
CREATE TABLE lot_movement (
	entry_id CHAR(32) NOT NULL, 
	lot_id CHAR(32) NOT NULL, 
	part VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	CONSTRAINT pk_lot_movement PRIMARY KEY (entry_id, lot_id, part), 
	CONSTRAINT ck_lot_movement_amount CHECK (amount_minor <> 0), 
	CONSTRAINT fk_lot_movement_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT fk_lot_movement_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id), 
	CONSTRAINT fk_lot_movement_part FOREIGN KEY(part) REFERENCES lot_part (code), 
	CONSTRAINT ck_lot_movement_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_lot_movement_lot_id_entry_id ON lot_movement (lot_id, entry_id)
-- next --
CREATE TRIGGER lot_movement_no_update BEFORE UPDATE ON lot_movement BEGIN SELECT RAISE(ABORT, 'lot_movement is append-only'); END
-- next --
CREATE TRIGGER lot_movement_no_delete BEFORE DELETE ON lot_movement BEGIN SELECT RAISE(ABORT, 'lot_movement is append-only'); END
-- next --
CREATE TRIGGER lot_movement_no_replace BEFORE INSERT ON lot_movement WHEN EXISTS (SELECT 1 FROM lot_movement WHERE (entry_id = NEW.entry_id AND lot_id = NEW.lot_id AND part = NEW.part) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'lot_movement is append-only'); END
-- next --
CREATE TRIGGER lot_movement_moves_lot AFTER INSERT ON lot_movement BEGIN UPDATE lot SET reserved_minor = reserved_minor + CASE WHEN NEW.part IN ('reserved') THEN NEW.amount_minor ELSE 0 END, spent_minor = spent_minor + CASE WHEN NEW.part IN ('direct', 'support') THEN NEW.amount_minor ELSE 0 END, charged_minor = charged_minor + CASE WHEN NEW.part IN ('fee', 'refund', 'loss') THEN NEW.amount_minor ELSE 0 END WHERE id = NEW.lot_id; END
-- next --
CREATE TABLE reservation_line (
	reservation_id CHAR(32) NOT NULL, 
	lot_id CHAR(32) NOT NULL, 
	n INTEGER NOT NULL, 
	rate_bp INTEGER NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	spent_direct_minor BIGINT NOT NULL, 
	spent_support_minor BIGINT NOT NULL, 
	released_direct_minor BIGINT NOT NULL, 
	released_support_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_reservation_line PRIMARY KEY (id), 
	CONSTRAINT uq_reservation_line_reservation_id_lot_id UNIQUE (reservation_id, lot_id), 
	CONSTRAINT ck_reservation_line_amount CHECK (direct_minor > 0 AND direct_minor <= 100000000000000), 
	CONSTRAINT ck_reservation_line_parts_positive CHECK (spent_direct_minor >= 0 AND released_direct_minor >= 0), 
	CONSTRAINT ck_reservation_line_not_overspent CHECK (spent_direct_minor + released_direct_minor <= direct_minor), 
	CONSTRAINT ck_reservation_line_rate CHECK (rate_bp >= 0 AND rate_bp <= 10000), 
	CONSTRAINT ck_reservation_line_support CHECK (support_minor = direct_minor * rate_bp / 10000), 
	CONSTRAINT ck_reservation_line_support_spent CHECK (spent_support_minor = spent_direct_minor * rate_bp / 10000), 
	CONSTRAINT ck_reservation_line_support_released CHECK (released_support_minor = support_minor - (direct_minor - released_direct_minor) * rate_bp / 10000), 
	CONSTRAINT fk_reservation_line_reservation_id FOREIGN KEY(reservation_id) REFERENCES reservation (id), 
	CONSTRAINT fk_reservation_line_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id), 
	CONSTRAINT ck_reservation_line_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_reservation_line_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_reservation_line_spent_direct_minor_is_integer CHECK (typeof(spent_direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_reservation_line_spent_support_minor_is_integer CHECK (typeof(spent_support_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_reservation_line_released_direct_minor_is_integer CHECK (typeof(released_direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_reservation_line_released_support_minor_is_integer CHECK (typeof(released_support_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_reservation_line_lot_id ON reservation_line (lot_id)
-- next --
CREATE TRIGGER reservation_line_no_update BEFORE UPDATE OF reservation_id, lot_id, n, rate_bp, direct_minor, support_minor, id ON reservation_line BEGIN SELECT RAISE(ABORT, 'reservation_line is append-only'); END
-- next --
CREATE TRIGGER reservation_line_no_renumber BEFORE UPDATE ON reservation_line WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'reservation_line is append-only'); END
-- next --
CREATE TRIGGER reservation_line_no_delete BEFORE DELETE ON reservation_line BEGIN SELECT RAISE(ABORT, 'reservation_line is append-only'); END
-- next --
CREATE TRIGGER reservation_line_no_replace BEFORE INSERT ON reservation_line WHEN EXISTS (SELECT 1 FROM reservation_line WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'reservation_line is append-only'); END
-- next --
CREATE TRIGGER reservation_line_keeps_reservation_id BEFORE INSERT ON reservation_line WHEN EXISTS (SELECT 1 FROM reservation_line WHERE reservation_id = NEW.reservation_id AND lot_id = NEW.lot_id) BEGIN SELECT RAISE(ABORT, 'reservation_line holds this reservation_id already'); END
-- next --
CREATE TRIGGER meeting_figure_by_line AFTER UPDATE ON reservation_line BEGIN UPDATE meeting_figure SET stale = 1 WHERE NOT stale AND meeting_id = (SELECT meeting_id FROM award WHERE reservation_id = NEW.reservation_id); END
-- next --
CREATE TABLE spend (
	"key" VARCHAR(200) NOT NULL, 
	reservation_id CHAR(32) NOT NULL, 
	subject_type VARCHAR(40) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	sent_at VARCHAR(27) NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	confirm_entry_id CHAR(32), 
	return_entry_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_spend PRIMARY KEY (id), 
	CONSTRAINT ck_spend_amounts CHECK (direct_minor > 0 AND support_minor >= 0), 
	CONSTRAINT ck_spend_return_has_entry CHECK ((state = 'returned') = (return_entry_id IS NOT NULL)), 
	CONSTRAINT ck_spend_confirmation_has_entry CHECK (state <> 'confirmed' OR confirm_entry_id IS NOT NULL), 
	CONSTRAINT uq_spend_key UNIQUE ("key"), 
	CONSTRAINT fk_spend_reservation_id FOREIGN KEY(reservation_id) REFERENCES reservation (id), 
	CONSTRAINT fk_spend_state FOREIGN KEY(state) REFERENCES spend_state (code), 
	CONSTRAINT ck_spend_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_spend_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_spend_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_spend_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT uq_spend_confirm_entry_id UNIQUE (confirm_entry_id), 
	CONSTRAINT fk_spend_confirm_entry_id FOREIGN KEY(confirm_entry_id) REFERENCES entry (id), 
	CONSTRAINT uq_spend_return_entry_id UNIQUE (return_entry_id), 
	CONSTRAINT fk_spend_return_entry_id FOREIGN KEY(return_entry_id) REFERENCES entry (id)
)
-- next --
CREATE INDEX ix_spend_reservation_id ON spend (reservation_id)
-- next --
CREATE INDEX ix_spend_state ON spend (state)
-- next --
CREATE INDEX ix_spend_subject_type_subject_id ON spend (subject_type, subject_id)
-- next --
CREATE TRIGGER spend_no_update BEFORE UPDATE OF key, reservation_id, subject_type, subject_id, direct_minor, support_minor, sent_at, entry_id, id ON spend BEGIN SELECT RAISE(ABORT, 'spend is append-only'); END
-- next --
CREATE TRIGGER spend_no_renumber BEFORE UPDATE ON spend WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'spend is append-only'); END
-- next --
CREATE TRIGGER spend_no_delete BEFORE DELETE ON spend BEGIN SELECT RAISE(ABORT, 'spend is append-only'); END
-- next --
CREATE TRIGGER spend_no_replace BEFORE INSERT ON spend WHEN EXISTS (SELECT 1 FROM spend WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'spend is append-only'); END
-- next --
CREATE TRIGGER spend_keeps_key BEFORE INSERT ON spend WHEN EXISTS (SELECT 1 FROM spend WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'spend holds this key already'); END
-- next --
CREATE TRIGGER spend_keeps_entry_id BEFORE INSERT ON spend WHEN EXISTS (SELECT 1 FROM spend WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'spend holds this entry_id already'); END
-- next --
CREATE TRIGGER spend_keeps_confirm_entry_id BEFORE INSERT ON spend WHEN EXISTS (SELECT 1 FROM spend WHERE confirm_entry_id = NEW.confirm_entry_id) BEGIN SELECT RAISE(ABORT, 'spend holds this confirm_entry_id already'); END
-- next --
CREATE TRIGGER spend_keeps_return_entry_id BEFORE INSERT ON spend WHEN EXISTS (SELECT 1 FROM spend WHERE return_entry_id = NEW.return_entry_id) BEGIN SELECT RAISE(ABORT, 'spend holds this return_entry_id already'); END
-- next --
CREATE TRIGGER spend_moves_forward BEFORE UPDATE ON spend WHEN NOT (((OLD.state = 'sent' AND NEW.state IN ('confirmed', 'returned')) OR (OLD.state = 'confirmed' AND NEW.state = 'returned') OR OLD.state = NEW.state) AND (coalesce(OLD.confirm_entry_id = NEW.confirm_entry_id, OLD.confirm_entry_id IS NULL) AND coalesce(OLD.return_entry_id = NEW.return_entry_id, OLD.return_entry_id IS NULL))) OR EXISTS (SELECT 1 FROM spend s WHERE s.id <> NEW.id AND (s.confirm_entry_id = NEW.confirm_entry_id OR s.return_entry_id = NEW.return_entry_id)) BEGIN SELECT RAISE(ABORT, 'a payment does not move so'); END
-- next --
CREATE TABLE donor_file (
	organisation_id CHAR(32) NOT NULL, 
	agreement_id CHAR(32), 
	kind VARCHAR(20) NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	added_by CHAR(32), 
	added_at VARCHAR(27) NOT NULL, 
	withdrawn_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_donor_file PRIMARY KEY (id), 
	CONSTRAINT ck_donor_file_kind CHECK (kind IN ('letter', 'agreement', 'report', 'other')), 
	CONSTRAINT fk_donor_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_donor_file_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id), 
	CONSTRAINT fk_donor_file_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_donor_file_added_by FOREIGN KEY(added_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_donor_file_agreement_id ON donor_file (agreement_id)
-- next --
CREATE INDEX ix_donor_file_organisation_id ON donor_file (organisation_id)
-- next --
CREATE TRIGGER donor_file_no_update BEFORE UPDATE OF organisation_id, agreement_id, kind, title, file_id, added_by, added_at, id ON donor_file BEGIN SELECT RAISE(ABORT, 'donor_file is append-only'); END
-- next --
CREATE TRIGGER donor_file_no_renumber BEFORE UPDATE ON donor_file WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'donor_file is append-only'); END
-- next --
CREATE TRIGGER donor_file_no_delete BEFORE DELETE ON donor_file BEGIN SELECT RAISE(ABORT, 'donor_file is append-only'); END
-- next --
CREATE TRIGGER donor_file_no_replace BEFORE INSERT ON donor_file WHEN EXISTS (SELECT 1 FROM donor_file WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'donor_file is append-only'); END
-- next --
CREATE TABLE stripe_movement (
	txn_id VARCHAR(100) NOT NULL, 
	type VARCHAR(60) NOT NULL, 
	category VARCHAR(60) NOT NULL, 
	source_id VARCHAR(100), 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	fee_minor BIGINT NOT NULL, 
	net_minor BIGINT NOT NULL, 
	words VARCHAR(200), 
	created_at VARCHAR(27) NOT NULL, 
	available_on VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	checked_at VARCHAR(27), 
	note VARCHAR(80), 
	payout_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_stripe_movement PRIMARY KEY (id), 
	CONSTRAINT ck_stripe_movement_net_is_amount_less_fee CHECK (net_minor = amount_minor - fee_minor), 
	CONSTRAINT ck_stripe_movement_currency_code CHECK (length(currency) = 3 AND currency = upper(currency)), 
	CONSTRAINT uq_stripe_movement_txn_id UNIQUE (txn_id), 
	CONSTRAINT ck_stripe_movement_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_stripe_movement_fee_minor_is_integer CHECK (typeof(fee_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_stripe_movement_net_minor_is_integer CHECK (typeof(net_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_stripe_movement_state FOREIGN KEY(state) REFERENCES stripe_movement_state (code), 
	CONSTRAINT fk_stripe_movement_payout_id FOREIGN KEY(payout_id) REFERENCES stripe_payout (id)
)
-- next --
CREATE INDEX ix_stripe_movement_category_created_at_id ON stripe_movement (category, created_at, id)
-- next --
CREATE INDEX ix_stripe_movement_created_at_id ON stripe_movement (created_at, id)
-- next --
CREATE INDEX ix_stripe_movement_open ON stripe_movement (recorded_at, id) WHERE state IN ('new', 'unmatched')
-- next --
CREATE INDEX ix_stripe_movement_payout_id ON stripe_movement (payout_id)
-- next --
CREATE INDEX ix_stripe_movement_source_id ON stripe_movement (source_id)
-- next --
CREATE INDEX ix_stripe_movement_state ON stripe_movement (state)
-- next --
CREATE INDEX ix_stripe_movement_state_category_created_at_id ON stripe_movement (state, category, created_at, id)
-- next --
CREATE INDEX ix_stripe_movement_state_created_at_id ON stripe_movement (state, created_at, id)
-- next --
CREATE INDEX ix_stripe_movement_type ON stripe_movement (type)
-- next --
CREATE TRIGGER stripe_movement_no_update BEFORE UPDATE OF txn_id, type, category, source_id, currency, amount_minor, fee_minor, net_minor, words, created_at, available_on, recorded_at, id ON stripe_movement BEGIN SELECT RAISE(ABORT, 'stripe_movement is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_no_renumber BEFORE UPDATE ON stripe_movement WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'stripe_movement is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_no_delete BEFORE DELETE ON stripe_movement BEGIN SELECT RAISE(ABORT, 'stripe_movement is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_no_replace BEFORE INSERT ON stripe_movement WHEN EXISTS (SELECT 1 FROM stripe_movement WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'stripe_movement is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_in_one_payout BEFORE UPDATE OF payout_id ON stripe_movement WHEN OLD.payout_id IS NOT NULL AND (NEW.payout_id IS NULL OR NEW.payout_id <> OLD.payout_id) BEGIN SELECT RAISE(ABORT, 'a movement is in one payout'); END
-- next --
CREATE TRIGGER stripe_movement_counts AFTER INSERT ON stripe_movement BEGIN UPDATE stripe_movement_total SET movements = movements + 1, net_minor = net_minor + NEW.net_minor, tied_minor = tied_minor + 0 WHERE state = NEW.state AND category = NEW.category AND currency = NEW.currency; INSERT INTO stripe_movement_total (state, category, currency, movements, net_minor, tied_minor) SELECT NEW.state, NEW.category, NEW.currency, 1, NEW.net_minor, 0 WHERE NOT EXISTS (SELECT 1 FROM stripe_movement_total WHERE state = NEW.state AND category = NEW.category AND currency = NEW.currency); END
-- next --
CREATE TRIGGER stripe_movement_counts_anew AFTER UPDATE OF state ON stripe_movement WHEN (OLD.state <> NEW.state) BEGIN UPDATE stripe_movement_total SET movements = movements - 1, net_minor = net_minor - OLD.net_minor, tied_minor = tied_minor - (SELECT coalesce(sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END), 0) FROM stripe_movement_entry t JOIN leg l ON l.entry_id = t.entry_id JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing' WHERE t.movement_id = NEW.id) WHERE state = OLD.state AND category = OLD.category AND currency = OLD.currency; UPDATE stripe_movement_total SET movements = movements + 1, net_minor = net_minor + NEW.net_minor, tied_minor = tied_minor + (SELECT coalesce(sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END), 0) FROM stripe_movement_entry t JOIN leg l ON l.entry_id = t.entry_id JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing' WHERE t.movement_id = NEW.id) WHERE state = NEW.state AND category = NEW.category AND currency = NEW.currency; INSERT INTO stripe_movement_total (state, category, currency, movements, net_minor, tied_minor) SELECT NEW.state, NEW.category, NEW.currency, 1, NEW.net_minor, (SELECT coalesce(sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END), 0) FROM stripe_movement_entry t JOIN leg l ON l.entry_id = t.entry_id JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing' WHERE t.movement_id = NEW.id) WHERE NOT EXISTS (SELECT 1 FROM stripe_movement_total WHERE state = NEW.state AND category = NEW.category AND currency = NEW.currency); END
-- next --
CREATE TABLE passkey (
	factor_id CHAR(32) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	credential_id VARCHAR(1364) NOT NULL, 
	public_key TEXT NOT NULL, 
	sign_count BIGINT NOT NULL, 
	aaguid VARCHAR(36) NOT NULL, 
	transports VARCHAR(120) NOT NULL, 
	backup_eligible BOOLEAN NOT NULL, 
	backed_up BOOLEAN NOT NULL, 
	last_used_at VARCHAR(27), 
	CONSTRAINT pk_passkey PRIMARY KEY (factor_id), 
	CONSTRAINT fk_passkey_factor_id FOREIGN KEY(factor_id) REFERENCES second_factor (id), 
	CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id)
)
-- next --
CREATE TRIGGER passkey_of_its_kind BEFORE INSERT ON passkey WHEN NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.id = NEW.factor_id AND f.kind = 'passkey') BEGIN SELECT RAISE(ABORT, 'passkey_of_its_kind: this second factor is no passkey'); END
-- next --
CREATE TRIGGER passkey_stays_its_key BEFORE UPDATE ON passkey WHEN NEW.factor_id <> OLD.factor_id OR NEW.credential_id <> OLD.credential_id OR NEW.public_key <> OLD.public_key BEGIN SELECT RAISE(ABORT, 'passkey_stays_its_key: the key of a passkey never changes'); END
-- next --
CREATE TRIGGER passkey_count_rises BEFORE UPDATE ON passkey WHEN NEW.sign_count < OLD.sign_count BEGIN SELECT RAISE(ABORT, 'passkey_count_rises: the count of uses only rises'); END
-- next --
CREATE TABLE second_factor_proof (
	person_id CHAR(32) NOT NULL, 
	factor_id CHAR(32), 
	way VARCHAR(40) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_second_factor_proof PRIMARY KEY (id), 
	CONSTRAINT ck_second_factor_proof_of_a_factor CHECK (factor_id IS NOT NULL OR way = 'recovery'), 
	CONSTRAINT fk_second_factor_proof_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_second_factor_proof_factor_id FOREIGN KEY(factor_id) REFERENCES second_factor (id), 
	CONSTRAINT fk_second_factor_proof_way FOREIGN KEY(way) REFERENCES second_factor_way (code)
)
-- next --
CREATE INDEX ix_second_factor_proof_person_id ON second_factor_proof (person_id)
-- next --
CREATE TRIGGER second_factor_proof_no_update BEFORE UPDATE ON second_factor_proof BEGIN SELECT RAISE(ABORT, 'second_factor_proof is append-only'); END
-- next --
CREATE TRIGGER second_factor_proof_no_delete BEFORE DELETE ON second_factor_proof BEGIN SELECT RAISE(ABORT, 'second_factor_proof is append-only'); END
-- next --
CREATE TRIGGER second_factor_proof_no_replace BEFORE INSERT ON second_factor_proof WHEN EXISTS (SELECT 1 FROM second_factor_proof WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'second_factor_proof is append-only'); END
-- next --
CREATE TRIGGER second_factor_proof_of_live_factor BEFORE INSERT ON second_factor_proof WHEN NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.person_id = NEW.person_id AND (NEW.factor_id IS NULL OR f.id = NEW.factor_id) AND f.confirmed_at IS NOT NULL AND f.ended_at IS NULL) BEGIN SELECT RAISE(ABORT, 'second_factor_proof_of_live_factor: no such second factor'); END
-- next --
CREATE TABLE programme_item (
	programme_id CHAR(32) NOT NULL, 
	number VARCHAR(10) NOT NULL, 
	title VARCHAR(400) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	position INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_item PRIMARY KEY (id), 
	CONSTRAINT uq_programme_item_programme_id_number UNIQUE (programme_id, number), 
	CONSTRAINT ck_programme_item_has_title CHECK (title <> ''), 
	CONSTRAINT fk_programme_item_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT fk_programme_item_role FOREIGN KEY(role) REFERENCES programme_item_role (code)
)
-- next --
CREATE TABLE programme_room (
	programme_id CHAR(32) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	seats INTEGER, 
	opens TIME NOT NULL, 
	closes TIME NOT NULL, 
	interpretation BOOLEAN NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_room PRIMARY KEY (id), 
	CONSTRAINT uq_programme_room_programme_id_name UNIQUE (programme_id, name), 
	CONSTRAINT ck_programme_room_opens_first CHECK (opens < closes), 
	CONSTRAINT fk_programme_room_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id)
)
-- next --
CREATE TABLE programme_half_day (
	programme_id CHAR(32) NOT NULL, 
	day DATE NOT NULL, 
	half VARCHAR(12) NOT NULL, 
	starts TIME NOT NULL, 
	ends TIME NOT NULL, 
	is_open BOOLEAN NOT NULL, 
	note VARCHAR(200), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_half_day PRIMARY KEY (id), 
	CONSTRAINT uq_programme_half_day_programme_id_day_half UNIQUE (programme_id, day, half), 
	CONSTRAINT ck_programme_half_day_starts_first CHECK (starts < ends), 
	CONSTRAINT ck_programme_half_day_half CHECK (half IN ('morning', 'afternoon')), 
	CONSTRAINT fk_programme_half_day_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id)
)
-- next --
CREATE TABLE programme_change (
	programme_id CHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	action VARCHAR(20) NOT NULL, 
	slots JSON NOT NULL, 
	undoes_id CHAR(32), 
	actor VARCHAR(80) NOT NULL, 
	actor_id CHAR(32), 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_change PRIMARY KEY (id), 
	CONSTRAINT uq_programme_change_programme_id_number UNIQUE (programme_id, number), 
	CONSTRAINT fk_programme_change_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT uq_programme_change_undoes_id UNIQUE (undoes_id), 
	CONSTRAINT fk_programme_change_undoes_id FOREIGN KEY(undoes_id) REFERENCES programme_change (id)
)
-- next --
CREATE TRIGGER programme_change_no_update BEFORE UPDATE ON programme_change BEGIN SELECT RAISE(ABORT, 'programme_change is append-only'); END
-- next --
CREATE TRIGGER programme_change_no_delete BEFORE DELETE ON programme_change BEGIN SELECT RAISE(ABORT, 'programme_change is append-only'); END
-- next --
CREATE TRIGGER programme_change_no_replace BEFORE INSERT ON programme_change WHEN EXISTS (SELECT 1 FROM programme_change WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'programme_change is append-only'); END
-- next --
CREATE TABLE programme_version (
	programme_id CHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	standing VARCHAR(40) NOT NULL, 
	symbol VARCHAR(100), 
	content JSON NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	note VARCHAR(500), 
	published_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_version PRIMARY KEY (id), 
	CONSTRAINT uq_programme_version_programme_id_number UNIQUE (programme_id, number), 
	CONSTRAINT ck_programme_version_number_positive CHECK (number > 0), 
	CONSTRAINT fk_programme_version_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT fk_programme_version_standing FOREIGN KEY(standing) REFERENCES programme_standing (code)
)
-- next --
CREATE TRIGGER programme_version_no_update BEFORE UPDATE ON programme_version BEGIN SELECT RAISE(ABORT, 'programme_version is append-only'); END
-- next --
CREATE TRIGGER programme_version_no_delete BEFORE DELETE ON programme_version BEGIN SELECT RAISE(ABORT, 'programme_version is append-only'); END
-- next --
CREATE TRIGGER programme_version_no_replace BEFORE INSERT ON programme_version WHEN EXISTS (SELECT 1 FROM programme_version WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'programme_version is append-only'); END
-- next --
CREATE TABLE programme_follower (
	programme_id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	slot_key VARCHAR(36) NOT NULL, 
	since VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_follower PRIMARY KEY (id), 
	CONSTRAINT uq_programme_follower_programme_id_person_id_slot_key UNIQUE (programme_id, person_id, slot_key), 
	CONSTRAINT fk_programme_follower_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT fk_programme_follower_person_id FOREIGN KEY(person_id) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_programme_follower_person ON programme_follower (person_id)
-- next --
CREATE TABLE side_event (
	programme_id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	organisers VARCHAR(300) NOT NULL, 
	cosponsor VARCHAR(200), 
	summary TEXT, 
	wishes JSON NOT NULL, 
	people_expected INTEGER NOT NULL, 
	needs VARCHAR(500), 
	slot_id CHAR(32), 
	answer VARCHAR(500), 
	requested_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_side_event PRIMARY KEY (id), 
	CONSTRAINT ck_side_event_accepted_has_slot CHECK (state <> 'accepted' OR slot_id IS NOT NULL), 
	CONSTRAINT ck_side_event_people_expected CHECK (people_expected BETWEEN 1 AND 5000), 
	CONSTRAINT fk_side_event_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT fk_side_event_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_side_event_state FOREIGN KEY(state) REFERENCES side_event_state (code)
)
-- next --
CREATE INDEX ix_side_event_person_id ON side_event (person_id)
-- next --
CREATE INDEX ix_side_event_programme_id ON side_event (programme_id)
-- next --
CREATE INDEX ix_side_event_state ON side_event (state)
-- next --
CREATE TABLE document_version (
	document_id CHAR(32) NOT NULL, 
	language VARCHAR(40) NOT NULL, 
	title VARCHAR(400), 
	official BOOLEAN NOT NULL, 
	file_id CHAR(32), 
	added_at VARCHAR(27) NOT NULL, 
	added_by VARCHAR(80) NOT NULL, 
	removed_at VARCHAR(27), 
	removed_by VARCHAR(80), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_document_version PRIMARY KEY (id), 
	CONSTRAINT ck_document_version_title_or_none CHECK (title IS NULL OR title <> ''), 
	CONSTRAINT ck_document_version_own_translation_has_file CHECK (official OR file_id IS NOT NULL), 
	CONSTRAINT ck_document_version_removed_by_somebody CHECK ((removed_at IS NULL) = (removed_by IS NULL)), 
	CONSTRAINT fk_document_version_document_id FOREIGN KEY(document_id) REFERENCES document (id), 
	CONSTRAINT fk_document_version_language FOREIGN KEY(language) REFERENCES document_language (code), 
	CONSTRAINT fk_document_version_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id)
)
-- next --
CREATE INDEX ix_document_version_document_id ON document_version (document_id)
-- next --
CREATE UNIQUE INDEX uq_document_version_language ON document_version (document_id, language) WHERE removed_at IS NULL
-- next --
CREATE TRIGGER document_version_no_update BEFORE UPDATE OF document_id, language, title, official, file_id, added_at, added_by, id ON document_version BEGIN SELECT RAISE(ABORT, 'document_version is append-only'); END
-- next --
CREATE TRIGGER document_version_no_renumber BEFORE UPDATE ON document_version WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'document_version is append-only'); END
-- next --
CREATE TRIGGER document_version_no_delete BEFORE DELETE ON document_version BEGIN SELECT RAISE(ABORT, 'document_version is append-only'); END
-- next --
CREATE TRIGGER document_version_no_replace BEFORE INSERT ON document_version WHEN EXISTS (SELECT 1 FROM document_version WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'document_version is append-only'); END
-- next --
CREATE TRIGGER document_version_stays_removed BEFORE UPDATE ON document_version WHEN OLD.removed_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'document_version_stays_removed: what was removed stays removed'); END
-- next --
CREATE TABLE call_chair (
	call_id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	capacity VARCHAR(40) NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	designated_by CHAR(32) NOT NULL, 
	designated_at VARCHAR(27) NOT NULL, 
	ended_by CHAR(32), 
	ended_at VARCHAR(27), 
	end_reason TEXT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_call_chair PRIMARY KEY (id), 
	CONSTRAINT ck_call_chair_has_source CHECK (length(source) > 0), 
	CONSTRAINT ck_call_chair_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL)), 
	CONSTRAINT ck_call_chair_ended_with_reason CHECK (ended_at IS NULL OR length(end_reason) > 0), 
	CONSTRAINT ck_call_chair_ends_after_it_begins CHECK (ended_at IS NULL OR ended_at >= designated_at), 
	CONSTRAINT fk_call_chair_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_call_chair_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_call_chair_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_call_chair_capacity FOREIGN KEY(capacity) REFERENCES chair_capacity (code), 
	CONSTRAINT fk_call_chair_designated_by FOREIGN KEY(designated_by) REFERENCES person (id), 
	CONSTRAINT fk_call_chair_ended_by FOREIGN KEY(ended_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_call_chair_call_id ON call_chair (call_id)
-- next --
CREATE INDEX ix_call_chair_person_id ON call_chair (person_id)
-- next --
CREATE UNIQUE INDEX uq_call_chair_live ON call_chair (call_id) WHERE ended_at IS NULL
-- next --
CREATE TRIGGER call_chair_no_update BEFORE UPDATE OF call_id, person_id, organisation_id, capacity, source, designated_by, designated_at, id ON call_chair BEGIN SELECT RAISE(ABORT, 'call_chair is append-only'); END
-- next --
CREATE TRIGGER call_chair_no_renumber BEFORE UPDATE ON call_chair WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'call_chair is append-only'); END
-- next --
CREATE TRIGGER call_chair_no_delete BEFORE DELETE ON call_chair BEGIN SELECT RAISE(ABORT, 'call_chair is append-only'); END
-- next --
CREATE TRIGGER call_chair_no_replace BEFORE INSERT ON call_chair WHEN EXISTS (SELECT 1 FROM call_chair WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'call_chair is append-only'); END
-- next --
CREATE TRIGGER call_chair_ends_once BEFORE UPDATE ON call_chair WHEN OLD.ended_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'call_chair_ends_once: a designation that has ended stays as it is'); END
-- next --
CREATE TABLE call_pool (
	call_id CHAR(32) NOT NULL, 
	pool_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_call_pool PRIMARY KEY (call_id, pool_id), 
	CONSTRAINT uq_call_pool_position UNIQUE (call_id, position), 
	CONSTRAINT fk_call_pool_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_call_pool_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id)
)
-- next --
CREATE TABLE application (
	reference VARCHAR(20) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	could_not_attend_otherwise BOOLEAN NOT NULL, 
	need_text TEXT, 
	own_contribution TEXT, 
	answers_sealed TEXT, 
	first_attendance BOOLEAN, 
	no_mission_at_seat BOOLEAN, 
	of_ministry BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	created_by CHAR(32), 
	submitted_by CHAR(32), 
	received_at VARCHAR(27), 
	received_after_date BOOLEAN NOT NULL, 
	completion_due_at VARCHAR(27), 
	return_note TEXT, 
	ineligible_reason VARCHAR(40), 
	reminded_at VARCHAR(27), 
	screening_round INTEGER NOT NULL, 
	is_demo BOOLEAN NOT NULL, 
	most_affected BOOLEAN, 
	most_affected_evidence TEXT, 
	carried_from_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_application PRIMARY KEY (id), 
	CONSTRAINT ck_application_declares_need CHECK (state IN ('draft', 'withdrawn', 'cancelled') OR could_not_attend_otherwise), 
	CONSTRAINT ck_application_sent_has_receipt CHECK (state IN ('draft', 'withdrawn', 'cancelled') OR received_at IS NOT NULL), 
	CONSTRAINT ck_application_returned_until CHECK (state <> 'returned' OR completion_due_at IS NOT NULL), 
	CONSTRAINT ck_application_held_over_came_late CHECK (state <> 'held_over' OR (received_after_date AND received_at IS NOT NULL)), 
	CONSTRAINT uq_application_reference UNIQUE (reference), 
	CONSTRAINT fk_application_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_application_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_application_state FOREIGN KEY(state) REFERENCES application_state (code), 
	CONSTRAINT fk_application_created_by FOREIGN KEY(created_by) REFERENCES person (id), 
	CONSTRAINT fk_application_submitted_by FOREIGN KEY(submitted_by) REFERENCES person (id), 
	CONSTRAINT fk_application_carried_from_id FOREIGN KEY(carried_from_id) REFERENCES call (id)
)
-- next --
CREATE INDEX ix_application_call_id ON application (call_id)
-- next --
CREATE INDEX ix_application_organisation_id ON application (organisation_id)
-- next --
CREATE INDEX ix_application_state ON application (state)
-- next --
CREATE UNIQUE INDEX uq_application_considered ON application (call_id, organisation_id) WHERE state IN ('eligible', 'recommended', 'reserve', 'not_recommended', 'selected', 'reserve_list', 'not_selected')
-- next --
CREATE UNIQUE INDEX uq_application_live ON application (call_id, organisation_id, of_ministry) WHERE state <> 'withdrawn'
-- next --
CREATE TABLE recusal (
	call_id CHAR(32) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	cause VARCHAR(40) NOT NULL, 
	reason TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_recusal PRIMARY KEY (id), 
	CONSTRAINT uq_recusal_once UNIQUE (call_id, person_id, organisation_id, cause), 
	CONSTRAINT ck_recusal_declared_has_reason CHECK (cause <> 'declared' OR length(reason) > 0), 
	CONSTRAINT fk_recusal_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_recusal_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_recusal_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_recusal_cause FOREIGN KEY(cause) REFERENCES recusal_cause (code)
)
-- next --
CREATE INDEX ix_recusal_call_id ON recusal (call_id)
-- next --
CREATE INDEX ix_recusal_organisation_id ON recusal (organisation_id)
-- next --
CREATE INDEX ix_recusal_person ON recusal (person_id, call_id)
-- next --
CREATE TRIGGER recusal_no_update BEFORE UPDATE ON recusal BEGIN SELECT RAISE(ABORT, 'recusal is append-only'); END
-- next --
CREATE TRIGGER recusal_no_delete BEFORE DELETE ON recusal BEGIN SELECT RAISE(ABORT, 'recusal is append-only'); END
-- next --
CREATE TRIGGER recusal_no_replace BEFORE INSERT ON recusal WHEN EXISTS (SELECT 1 FROM recusal WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'recusal is append-only'); END
-- next --
CREATE TABLE fund_letter (
	reference VARCHAR(20) NOT NULL, 
	batch_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	call_id CHAR(32), 
	subject VARCHAR(200) NOT NULL, 
	language VARCHAR(12) NOT NULL, 
	delegates INTEGER NOT NULL, 
	each_minor BIGINT NOT NULL, 
	needed_minor BIGINT NOT NULL, 
	there_minor BIGINT NOT NULL, 
	pay_by DATE NOT NULL, 
	as_of VARCHAR(27) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	made_by CHAR(32), 
	made_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_fund_letter PRIMARY KEY (id), 
	CONSTRAINT ck_fund_letter_amounts CHECK (delegates > 0 AND each_minor > 0 AND needed_minor > 0 AND there_minor >= 0), 
	CONSTRAINT uq_fund_letter_once UNIQUE (batch_id, organisation_id), 
	CONSTRAINT uq_fund_letter_reference UNIQUE (reference), 
	CONSTRAINT fk_fund_letter_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_fund_letter_kind FOREIGN KEY(kind) REFERENCES fund_letter_kind (code), 
	CONSTRAINT fk_fund_letter_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT ck_fund_letter_each_minor_is_integer CHECK (typeof(each_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_fund_letter_needed_minor_is_integer CHECK (typeof(needed_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_fund_letter_there_minor_is_integer CHECK (typeof(there_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_fund_letter_file_id UNIQUE (file_id), 
	CONSTRAINT fk_fund_letter_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_fund_letter_made_by FOREIGN KEY(made_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_fund_letter_call_id ON fund_letter (call_id)
-- next --
CREATE INDEX ix_fund_letter_organisation_id ON fund_letter (organisation_id)
-- next --
CREATE TRIGGER fund_letter_no_update BEFORE UPDATE ON fund_letter BEGIN SELECT RAISE(ABORT, 'fund_letter is append-only'); END
-- next --
CREATE TRIGGER fund_letter_no_delete BEFORE DELETE ON fund_letter BEGIN SELECT RAISE(ABORT, 'fund_letter is append-only'); END
-- next --
CREATE TRIGGER fund_letter_no_replace BEFORE INSERT ON fund_letter WHEN EXISTS (SELECT 1 FROM fund_letter WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'fund_letter is append-only'); END
-- next --
CREATE TABLE instalment (
	pledge_id CHAR(32) NOT NULL, 
	schedule INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	due_on DATE, 
	amount_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_instalment PRIMARY KEY (id), 
	CONSTRAINT ck_instalment_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_instalment_counts_from_one CHECK (schedule > 0 AND n > 0), 
	CONSTRAINT uq_instalment_place UNIQUE (pledge_id, schedule, n), 
	CONSTRAINT fk_instalment_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id), 
	CONSTRAINT ck_instalment_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER instalment_no_update BEFORE UPDATE ON instalment BEGIN SELECT RAISE(ABORT, 'instalment is append-only'); END
-- next --
CREATE TRIGGER instalment_no_delete BEFORE DELETE ON instalment BEGIN SELECT RAISE(ABORT, 'instalment is append-only'); END
-- next --
CREATE TRIGGER instalment_no_replace BEFORE INSERT ON instalment WHEN EXISTS (SELECT 1 FROM instalment WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'instalment is append-only'); END
-- next --
CREATE TABLE spend_line (
	spend_id CHAR(32) NOT NULL, 
	reservation_line_id CHAR(32) NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	CONSTRAINT pk_spend_line PRIMARY KEY (spend_id, reservation_line_id), 
	CONSTRAINT ck_spend_line_amounts CHECK (direct_minor > 0 AND support_minor >= 0), 
	CONSTRAINT fk_spend_line_spend_id FOREIGN KEY(spend_id) REFERENCES spend (id), 
	CONSTRAINT fk_spend_line_reservation_line_id FOREIGN KEY(reservation_line_id) REFERENCES reservation_line (id), 
	CONSTRAINT ck_spend_line_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_spend_line_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_spend_line_reservation_line_id ON spend_line (reservation_line_id)
-- next --
CREATE TRIGGER spend_line_no_update BEFORE UPDATE ON spend_line BEGIN SELECT RAISE(ABORT, 'spend_line is append-only'); END
-- next --
CREATE TRIGGER spend_line_no_delete BEFORE DELETE ON spend_line BEGIN SELECT RAISE(ABORT, 'spend_line is append-only'); END
-- next --
CREATE TRIGGER spend_line_no_replace BEFORE INSERT ON spend_line WHEN EXISTS (SELECT 1 FROM spend_line WHERE (spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'spend_line is append-only'); END
-- next --
CREATE TABLE spend_cut (
	spend_id CHAR(32) NOT NULL, 
	reservation_line_id CHAR(32) NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	CONSTRAINT pk_spend_cut PRIMARY KEY (spend_id, reservation_line_id), 
	CONSTRAINT ck_spend_cut_amounts CHECK (direct_minor > 0 AND support_minor >= 0), 
	CONSTRAINT fk_spend_cut_spend_id FOREIGN KEY(spend_id) REFERENCES spend (id), 
	CONSTRAINT fk_spend_cut_reservation_line_id FOREIGN KEY(reservation_line_id) REFERENCES reservation_line (id), 
	CONSTRAINT fk_spend_cut_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT ck_spend_cut_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_spend_cut_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_spend_cut_entry_id ON spend_cut (entry_id)
-- next --
CREATE INDEX ix_spend_cut_reservation_line_id ON spend_cut (reservation_line_id)
-- next --
CREATE TRIGGER spend_cut_no_update BEFORE UPDATE ON spend_cut BEGIN SELECT RAISE(ABORT, 'spend_cut is append-only'); END
-- next --
CREATE TRIGGER spend_cut_no_delete BEFORE DELETE ON spend_cut BEGIN SELECT RAISE(ABORT, 'spend_cut is append-only'); END
-- next --
CREATE TRIGGER spend_cut_no_replace BEFORE INSERT ON spend_cut WHEN EXISTS (SELECT 1 FROM spend_cut WHERE (spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'spend_cut is append-only'); END
-- next --
CREATE TRIGGER spend_cut_is_a_part BEFORE INSERT ON spend_cut WHEN NOT EXISTS (SELECT 1 FROM spend s JOIN spend_line l ON l.spend_id = s.id WHERE s.id = NEW.spend_id AND s.state = 'sent' AND l.reservation_line_id = NEW.reservation_line_id AND l.direct_minor >= NEW.direct_minor) OR (SELECT coalesce(sum(c.direct_minor), 0) FROM spend_cut c WHERE c.spend_id = NEW.spend_id) + NEW.direct_minor >= (SELECT s.direct_minor FROM spend s WHERE s.id = NEW.spend_id) BEGIN SELECT RAISE(ABORT, 'only a part of a payment that is with the bank can be unpaid'); END
-- next --
CREATE TABLE spend_recovery (
	entry_id CHAR(32) NOT NULL, 
	spend_id CHAR(32) NOT NULL, 
	reservation_line_id CHAR(32) NOT NULL, 
	direct_minor BIGINT NOT NULL, 
	support_minor BIGINT NOT NULL, 
	CONSTRAINT pk_spend_recovery PRIMARY KEY (entry_id, reservation_line_id), 
	CONSTRAINT ck_spend_recovery_amounts CHECK (direct_minor > 0 AND support_minor >= 0), 
	CONSTRAINT fk_spend_recovery_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT fk_spend_recovery_spend_id FOREIGN KEY(spend_id) REFERENCES spend (id), 
	CONSTRAINT fk_spend_recovery_reservation_line_id FOREIGN KEY(reservation_line_id) REFERENCES reservation_line (id), 
	CONSTRAINT ck_spend_recovery_direct_minor_is_integer CHECK (typeof(direct_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_spend_recovery_support_minor_is_integer CHECK (typeof(support_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_spend_recovery_reservation_line_id ON spend_recovery (reservation_line_id)
-- next --
CREATE INDEX ix_spend_recovery_spend_id ON spend_recovery (spend_id)
-- next --
CREATE TRIGGER spend_recovery_no_update BEFORE UPDATE ON spend_recovery BEGIN SELECT RAISE(ABORT, 'spend_recovery is append-only'); END
-- next --
CREATE TRIGGER spend_recovery_no_delete BEFORE DELETE ON spend_recovery BEGIN SELECT RAISE(ABORT, 'spend_recovery is append-only'); END
-- next --
CREATE TRIGGER spend_recovery_no_replace BEFORE INSERT ON spend_recovery WHEN EXISTS (SELECT 1 FROM spend_recovery WHERE (entry_id = NEW.entry_id AND reservation_line_id = NEW.reservation_line_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'spend_recovery is append-only'); END
-- next --
CREATE TRIGGER spend_recovery_was_paid BEFORE INSERT ON spend_recovery WHEN (SELECT state FROM spend WHERE id = NEW.spend_id) <> 'confirmed' OR NEW.direct_minor + (SELECT coalesce(sum(direct_minor), 0) FROM spend_recovery WHERE spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id) > coalesce((SELECT direct_minor FROM spend_line WHERE spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id), 0) - coalesce((SELECT direct_minor FROM spend_cut WHERE spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id), 0) BEGIN SELECT RAISE(ABORT, 'more than was paid cannot come back'); END
-- next --
CREATE TABLE donor_check (
	organisation_id CHAR(32), 
	pledge_id CHAR(32), 
	outcome VARCHAR(20) NOT NULL, 
	consulted_sealed TEXT NOT NULL, 
	file_id CHAR(32), 
	checked_by CHAR(32) NOT NULL, 
	checked_on DATE NOT NULL, 
	valid_until DATE NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_donor_check PRIMARY KEY (id), 
	CONSTRAINT ck_donor_check_of_one_donor CHECK ((organisation_id IS NULL) <> (pledge_id IS NULL)), 
	CONSTRAINT ck_donor_check_outcome CHECK (outcome IN ('clear', 'not_clear')), 
	CONSTRAINT ck_donor_check_dates_in_order CHECK (valid_until >= checked_on), 
	CONSTRAINT fk_donor_check_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_donor_check_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id), 
	CONSTRAINT fk_donor_check_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_donor_check_checked_by FOREIGN KEY(checked_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_donor_check_organisation_id ON donor_check (organisation_id)
-- next --
CREATE INDEX ix_donor_check_pledge_id ON donor_check (pledge_id)
-- next --
CREATE TRIGGER donor_check_no_update BEFORE UPDATE ON donor_check BEGIN SELECT RAISE(ABORT, 'donor_check is append-only'); END
-- next --
CREATE TRIGGER donor_check_no_delete BEFORE DELETE ON donor_check BEGIN SELECT RAISE(ABORT, 'donor_check is append-only'); END
-- next --
CREATE TRIGGER donor_check_no_replace BEFORE INSERT ON donor_check WHEN EXISTS (SELECT 1 FROM donor_check WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'donor_check is append-only'); END
-- next --
CREATE TABLE donor_customer (
	organisation_id CHAR(32), 
	pledge_id CHAR(32), 
	stripe_customer_id VARCHAR(100) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_donor_customer PRIMARY KEY (id), 
	CONSTRAINT ck_donor_customer_of_one_donor CHECK ((organisation_id IS NULL) <> (pledge_id IS NULL)), 
	CONSTRAINT uq_donor_customer_organisation_id UNIQUE (organisation_id), 
	CONSTRAINT fk_donor_customer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT uq_donor_customer_pledge_id UNIQUE (pledge_id), 
	CONSTRAINT fk_donor_customer_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id), 
	CONSTRAINT uq_donor_customer_stripe_customer_id UNIQUE (stripe_customer_id)
)
-- next --
CREATE TABLE stripe_movement_entry (
	entry_id CHAR(32) NOT NULL, 
	movement_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_stripe_movement_entry PRIMARY KEY (entry_id), 
	CONSTRAINT fk_stripe_movement_entry_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id), 
	CONSTRAINT fk_stripe_movement_entry_movement_id FOREIGN KEY(movement_id) REFERENCES stripe_movement (id)
)
-- next --
CREATE INDEX ix_stripe_movement_entry_movement_id ON stripe_movement_entry (movement_id)
-- next --
CREATE TRIGGER stripe_movement_entry_no_update BEFORE UPDATE ON stripe_movement_entry BEGIN SELECT RAISE(ABORT, 'stripe_movement_entry is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_entry_no_delete BEFORE DELETE ON stripe_movement_entry BEGIN SELECT RAISE(ABORT, 'stripe_movement_entry is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_entry_no_replace BEFORE INSERT ON stripe_movement_entry WHEN EXISTS (SELECT 1 FROM stripe_movement_entry WHERE (entry_id = NEW.entry_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'stripe_movement_entry is append-only'); END
-- next --
CREATE TRIGGER stripe_movement_entry_counts AFTER INSERT ON stripe_movement_entry BEGIN UPDATE stripe_movement_total SET tied_minor = tied_minor + (SELECT coalesce(sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END), 0) FROM leg l JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing' WHERE l.entry_id = NEW.entry_id) WHERE (state, category, currency) = (SELECT state, category, currency FROM stripe_movement WHERE id = NEW.movement_id); END
-- next --
CREATE TABLE programme_slot (
	programme_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	day DATE NOT NULL, 
	starts TIME NOT NULL, 
	ends TIME NOT NULL, 
	title VARCHAR(300) NOT NULL, 
	room_id CHAR(32), 
	items JSON NOT NULL, 
	languages JSON NOT NULL, 
	people JSON NOT NULL, 
	note TEXT, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_programme_slot PRIMARY KEY (id), 
	CONSTRAINT ck_programme_slot_starts_first CHECK (starts < ends), 
	CONSTRAINT fk_programme_slot_programme_id FOREIGN KEY(programme_id) REFERENCES programme (id), 
	CONSTRAINT fk_programme_slot_kind FOREIGN KEY(kind) REFERENCES programme_slot_kind (code), 
	CONSTRAINT fk_programme_slot_room_id FOREIGN KEY(room_id) REFERENCES programme_room (id)
)
-- next --
CREATE INDEX ix_programme_slot_programme_day ON programme_slot (programme_id, day)
-- next --
CREATE INDEX ix_programme_slot_room_id ON programme_slot (room_id)
-- next --
CREATE TABLE nominee (
	application_id CHAR(32) NOT NULL, 
	priority INTEGER NOT NULL, 
	family_name_sealed TEXT, 
	given_names_sealed TEXT, 
	function_sealed TEXT, 
	ministry_sealed TEXT, 
	email_sealed TEXT, 
	birth_date_sealed TEXT, 
	sex VARCHAR(40), 
	departure_city VARCHAR(120), 
	travel_from DATE, 
	travel_to DATE, 
	confirmed_at VARCHAR(27), 
	answers_sealed TEXT, 
	reuse_consent_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_nominee PRIMARY KEY (id), 
	CONSTRAINT uq_nominee_priority UNIQUE (application_id, priority), 
	CONSTRAINT ck_nominee_priority_from_one CHECK (priority >= 1), 
	CONSTRAINT ck_nominee_travel_order CHECK (travel_from IS NULL OR travel_to IS NULL OR travel_from <= travel_to), 
	CONSTRAINT fk_nominee_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_nominee_sex FOREIGN KEY(sex) REFERENCES nominee_sex (code)
)
-- next --
CREATE INDEX ix_nominee_application_id ON nominee (application_id)
-- next --
CREATE TABLE application_step (
	application_id CHAR(32) NOT NULL, 
	"key" VARCHAR(60) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	answers_sealed TEXT, 
	complete BOOLEAN NOT NULL, 
	saved_at VARCHAR(27) NOT NULL, 
	saved_by CHAR(32), 
	CONSTRAINT pk_application_step PRIMARY KEY (application_id, "key"), 
	CONSTRAINT fk_application_step_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_application_step_saved_by FOREIGN KEY(saved_by) REFERENCES person (id)
)
-- next --
CREATE TABLE screening (
	application_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	criterion VARCHAR(40) NOT NULL, 
	met BOOLEAN NOT NULL, 
	evidence TEXT NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	by_person CHAR(32), 
	at VARCHAR(27) NOT NULL, 
	as_of DATE, 
	fact_met BOOLEAN, 
	value VARCHAR(60), 
	override_reason TEXT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_screening PRIMARY KEY (id), 
	CONSTRAINT ck_screening_override_has_reason CHECK (fact_met IS NULL OR fact_met = met OR length(override_reason) > 0), 
	CONSTRAINT uq_screening_criterion UNIQUE (application_id, round, criterion), 
	CONSTRAINT ck_screening_value_of_equity CHECK ((criterion IN ('equity_region', 'equity_sex')) = (value IS NOT NULL)), 
	CONSTRAINT ck_screening_value_has_evidence CHECK (value IS NULL OR (length(override_reason) > 0 AND length(source) > 0 AND as_of IS NOT NULL)), 
	CONSTRAINT fk_screening_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_screening_criterion FOREIGN KEY(criterion) REFERENCES screening_criterion (code), 
	CONSTRAINT fk_screening_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_screening_application_id ON screening (application_id)
-- next --
CREATE TRIGGER screening_no_update BEFORE UPDATE ON screening BEGIN SELECT RAISE(ABORT, 'screening is append-only'); END
-- next --
CREATE TRIGGER screening_no_delete BEFORE DELETE ON screening BEGIN SELECT RAISE(ABORT, 'screening is append-only'); END
-- next --
CREATE TRIGGER screening_no_replace BEFORE INSERT ON screening WHEN EXISTS (SELECT 1 FROM screening WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'screening is append-only'); END
-- next --
CREATE TABLE ranking (
	call_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	application_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	criteria_values JSON NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	decided_by VARCHAR(40) NOT NULL, 
	ranked_by CHAR(32), 
	at VARCHAR(27) NOT NULL, 
	region VARCHAR(60) NOT NULL, 
	sex VARCHAR(40) NOT NULL, 
	places JSON, 
	points INTEGER, 
	compared JSON, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_ranking PRIMARY KEY (id), 
	CONSTRAINT uq_ranking_position UNIQUE (call_id, round, position), 
	CONSTRAINT uq_ranking_application UNIQUE (call_id, round, application_id), 
	CONSTRAINT ck_ranking_position_from_one CHECK (position >= 1), 
	CONSTRAINT fk_ranking_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_ranking_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_ranking_ranked_by FOREIGN KEY(ranked_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_ranking_application_id ON ranking (application_id)
-- next --
CREATE INDEX ix_ranking_call_id ON ranking (call_id)
-- next --
CREATE TRIGGER ranking_no_update BEFORE UPDATE ON ranking BEGIN SELECT RAISE(ABORT, 'ranking is append-only'); END
-- next --
CREATE TRIGGER ranking_no_delete BEFORE DELETE ON ranking BEGIN SELECT RAISE(ABORT, 'ranking is append-only'); END
-- next --
CREATE TRIGGER ranking_no_replace BEFORE INSERT ON ranking WHEN EXISTS (SELECT 1 FROM ranking WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'ranking is append-only'); END
-- next --
CREATE TABLE recommendation (
	call_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	application_id CHAR(32) NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	position INTEGER NOT NULL, 
	seats INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	by_person CHAR(32), 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_recommendation PRIMARY KEY (id), 
	CONSTRAINT uq_recommendation_position UNIQUE (call_id, round, position), 
	CONSTRAINT uq_recommendation_application UNIQUE (call_id, round, application_id), 
	CONSTRAINT ck_recommendation_position_from_one CHECK (position >= 1), 
	CONSTRAINT ck_recommendation_seats_with_outcome CHECK (seats >= 0 AND (outcome = 'recommend') = (seats > 0)), 
	CONSTRAINT ck_recommendation_not_has_reason CHECK (outcome <> 'not' OR length(reason) > 0), 
	CONSTRAINT fk_recommendation_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_recommendation_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_recommendation_outcome FOREIGN KEY(outcome) REFERENCES recommendation_outcome (code), 
	CONSTRAINT fk_recommendation_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_recommendation_application_id ON recommendation (application_id)
-- next --
CREATE INDEX ix_recommendation_call_id ON recommendation (call_id)
-- next --
CREATE TRIGGER recommendation_no_update BEFORE UPDATE ON recommendation BEGIN SELECT RAISE(ABORT, 'recommendation is append-only'); END
-- next --
CREATE TRIGGER recommendation_no_delete BEFORE DELETE ON recommendation BEGIN SELECT RAISE(ABORT, 'recommendation is append-only'); END
-- next --
CREATE TRIGGER recommendation_no_replace BEFORE INSERT ON recommendation WHEN EXISTS (SELECT 1 FROM recommendation WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'recommendation is append-only'); END
-- next --
CREATE TRIGGER recommendation_not_by_recused BEFORE INSERT ON recommendation WHEN EXISTS (SELECT 1 FROM application a WHERE a.id = NEW.application_id AND (
 EXISTS (SELECT 1 FROM recusal r WHERE r.call_id = NEW.call_id AND r.person_id = NEW.by_person
  AND r.organisation_id = a.organisation_id)
 OR EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.by_person AND m.organisation_id = a.organisation_id
  AND m.valid_from <= substr(NEW.at, 1, 10) AND (m.valid_to IS NULL OR m.valid_to > substr(NEW.at, 1, 10))))) BEGIN SELECT RAISE(ABORT, 'a panel member who is recused from a State does not record advice on it'); END
-- next --
CREATE TRIGGER recommendation_by_seated BEFORE INSERT ON recommendation WHEN NEW.by_person IS NOT NULL AND (NOT (NOT EXISTS (SELECT 1 FROM call k WHERE k.id = NEW.call_id AND k.governance = 'secretariat_chair')
 OR EXISTS (SELECT 1 FROM call_chair c WHERE c.call_id = NEW.call_id AND c.person_id = NEW.by_person AND c.ended_at IS NULL) OR EXISTS (SELECT 1 FROM membership m JOIN organisation o ON o.id = m.organisation_id
  WHERE m.person_id = NEW.by_person AND m.role = 'panel_member' AND o.kind = 'secretariat'
  AND m.valid_from <= substr(NEW.at, 1, 10) AND (m.valid_to IS NULL OR m.valid_to > substr(NEW.at, 1, 10)))) OR EXISTS (SELECT 1 FROM call_chair c JOIN application a ON a.id = NEW.application_id WHERE c.call_id = NEW.call_id AND c.person_id = NEW.by_person AND c.organisation_id = a.organisation_id)) BEGIN SELECT RAISE(ABORT, 'only the secretariat and the Chair of the call record advice; the Chair is recused from the own State'); END
-- next --
CREATE TABLE approval (
	subject_type VARCHAR(40) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	step VARCHAR(40) NOT NULL, 
	person_id CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	proof_id CHAR(32), 
	designation_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_approval PRIMARY KEY (id), 
	CONSTRAINT uq_approval_one_per_person UNIQUE (subject_type, subject_id, round, person_id), 
	CONSTRAINT uq_approval_one_per_step UNIQUE (subject_type, subject_id, round, step), 
	CONSTRAINT ck_approval_step_of_subject CHECK (step LIKE subject_type || '.%'), 
	CONSTRAINT ck_approval_round_from_one CHECK (round >= 1), 
	CONSTRAINT fk_approval_step FOREIGN KEY(step) REFERENCES approval_step (code), 
	CONSTRAINT fk_approval_person_id FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_approval_proof_id FOREIGN KEY(proof_id) REFERENCES second_factor_proof (id), 
	CONSTRAINT fk_approval_designation_id FOREIGN KEY(designation_id) REFERENCES designation (id)
)
-- next --
CREATE INDEX ix_approval_person_id ON approval (person_id)
-- next --
CREATE INDEX ix_approval_subject_id ON approval (subject_id)
-- next --
CREATE TRIGGER approval_no_update BEFORE UPDATE ON approval BEGIN SELECT RAISE(ABORT, 'approval is append-only'); END
-- next --
CREATE TRIGGER approval_no_delete BEFORE DELETE ON approval BEGIN SELECT RAISE(ABORT, 'approval is append-only'); END
-- next --
CREATE TRIGGER approval_no_replace BEFORE INSERT ON approval WHEN EXISTS (SELECT 1 FROM approval WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'approval is append-only'); END
-- next --
CREATE TRIGGER approval_in_order BEFORE INSERT ON approval WHEN (CASE NEW.step WHEN 'award.certified' THEN 'award.decided' WHEN 'award.approved' THEN 'award.certified' WHEN 'disbursement.certified' THEN 'disbursement.requested' WHEN 'disbursement.approved' THEN 'disbursement.certified' WHEN 'disbursement.approved_second' THEN 'disbursement.approved' WHEN 'disbursement.released' THEN 'disbursement.approved' END) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = NEW.subject_type AND subject_id = NEW.subject_id AND round = NEW.round AND step = (CASE NEW.step WHEN 'award.certified' THEN 'award.decided' WHEN 'award.approved' THEN 'award.certified' WHEN 'disbursement.certified' THEN 'disbursement.requested' WHEN 'disbursement.approved' THEN 'disbursement.certified' WHEN 'disbursement.approved_second' THEN 'disbursement.approved' WHEN 'disbursement.released' THEN 'disbursement.approved' END)) BEGIN SELECT RAISE(ABORT, 'approval_in_order: the step before this one is not signed'); END
-- next --
CREATE TRIGGER approval_one_per_holder BEFORE INSERT ON approval WHEN EXISTS (SELECT 1 FROM approval a LEFT JOIN designation d ON d.id = a.designation_id WHERE a.subject_type = NEW.subject_type AND a.subject_id = NEW.subject_id AND a.round = NEW.round AND  d.holder_id = NEW.person_id) OR EXISTS (SELECT 1 FROM approval a LEFT JOIN designation d ON d.id = a.designation_id WHERE a.subject_type = NEW.subject_type AND a.subject_id = NEW.subject_id AND a.round = NEW.round AND  (SELECT n.holder_id FROM designation n WHERE n.id = NEW.designation_id) IN (a.person_id, d.holder_id)) BEGIN SELECT RAISE(ABORT, 'approval_one_per_holder: the holder of the office, or an alternate for the holder, has signed this round'); END
-- next --
CREATE TRIGGER approval_proof_is_own BEFORE INSERT ON approval WHEN (NEW.proof_id IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM second_factor_proof p WHERE p.id = NEW.proof_id AND p.person_id = NEW.person_id)) BEGIN SELECT RAISE(ABORT, 'approval_proof_is_own: the proof is another person''s'); END
-- next --
CREATE TRIGGER approval_as_alternate BEFORE INSERT ON approval WHEN NEW.designation_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM designation d WHERE d.id = NEW.designation_id AND d.alternate_id = NEW.person_id AND d.role = CASE NEW.step WHEN 'award.decided' THEN 'head_of_fund' WHEN 'award.certified' THEN 'certifying_officer' WHEN 'award.approved' THEN 'approving_officer' WHEN 'disbursement.requested' THEN 'requesting_officer' WHEN 'disbursement.certified' THEN 'certifying_officer' WHEN 'disbursement.approved' THEN 'approving_officer' WHEN 'disbursement.approved_second' THEN 'approving_officer' WHEN 'disbursement.released' THEN 'bank_signatory' END AND d.revoked_at IS NULL AND d.valid_from <= substr(NEW.at, 1, 10) AND d.valid_to > substr(NEW.at, 1, 10) AND (d.limit_minor IS NULL OR d.limit_minor >= CASE NEW.subject_type WHEN 'award' THEN (SELECT a.amount_minor FROM award a WHERE a.id = NEW.subject_id) ELSE (SELECT x.amount_minor FROM disbursement x WHERE x.id = NEW.subject_id) END)) BEGIN SELECT RAISE(ABORT, 'approval_as_alternate: the designation does not cover this signature'); END
-- next --
CREATE TRIGGER approval_not_by_payee BEFORE INSERT ON approval WHEN (NEW.subject_type = 'award' AND EXISTS (SELECT 1 FROM award WHERE id = NEW.subject_id AND beneficiary_id = NEW.person_id)) OR (NEW.subject_type = 'disbursement' AND EXISTS (SELECT 1 FROM disbursement d JOIN award a ON a.id = d.award_id JOIN payee p ON p.id = d.payee_id WHERE d.id = NEW.subject_id AND (a.beneficiary_id = NEW.person_id OR p.entered_by = NEW.person_id OR (NEW.step IN ('disbursement.approved', 'disbursement.released') AND p.verified_by = NEW.person_id)))) BEGIN SELECT RAISE(ABORT, 'approval_not_by_payee: whoever benefits does not sign'); END
-- next --
CREATE TABLE contribution (
	reference VARCHAR(20) NOT NULL, 
	pledge_id CHAR(32) NOT NULL, 
	attempt INTEGER NOT NULL, 
	method VARCHAR(40) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	instalment_id CHAR(32), 
	idempotency_key VARCHAR(80) NOT NULL, 
	stripe_session_id VARCHAR(100), 
	stripe_invoice_id VARCHAR(100), 
	stripe_payment_intent_id VARCHAR(100), 
	stripe_charge_id VARCHAR(100), 
	checkout_url TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	opened_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27), 
	checked_at VARCHAR(27), 
	declared_on DATE, 
	bank_reference VARCHAR(80), 
	value_date DATE, 
	confirmed_by CHAR(32), 
	paid_minor BIGINT, 
	paid_currency VARCHAR(3), 
	settles_minor BIGINT, 
	gross_minor BIGINT, 
	exchange_minor BIGINT, 
	fee_minor BIGINT, 
	net_minor BIGINT, 
	rate VARCHAR(40), 
	rate_source VARCHAR(80), 
	rate_date DATE, 
	received_at VARCHAR(27), 
	back_minor BIGINT NOT NULL, 
	pool_id CHAR(32), 
	accepted_at VARCHAR(27), 
	accepted_by CHAR(32), 
	refusal_code VARCHAR(40), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_contribution PRIMARY KEY (id), 
	CONSTRAINT ck_contribution_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_contribution_currency_code CHECK (length(currency) = 3 AND currency = upper(currency)), 
	CONSTRAINT ck_contribution_attempt_positive CHECK (attempt > 0), 
	CONSTRAINT ck_contribution_gross_is_fee_and_net CHECK ((gross_minor IS NULL AND exchange_minor IS NULL AND fee_minor IS NULL AND net_minor IS NULL AND received_at IS NULL AND paid_minor IS NULL AND paid_currency IS NULL AND settles_minor IS NULL) OR (gross_minor IS NOT NULL AND exchange_minor IS NOT NULL AND fee_minor IS NOT NULL AND net_minor IS NOT NULL AND received_at IS NOT NULL AND paid_minor IS NOT NULL AND paid_currency IS NOT NULL AND settles_minor IS NOT NULL AND paid_minor > 0 AND settles_minor >= 0 AND gross_minor > 0 AND fee_minor >= 0 AND net_minor > 0 AND gross_minor + exchange_minor = fee_minor + net_minor)), 
	CONSTRAINT ck_contribution_worth_at_its_rate CHECK (paid_currency IS NULL OR (paid_currency = 'USD' AND paid_minor = gross_minor AND exchange_minor = 0 AND rate IS NULL AND rate_source IS NULL AND rate_date IS NULL) OR (paid_currency <> 'USD' AND rate IS NOT NULL AND rate_source IS NOT NULL AND rate_date IS NOT NULL)), 
	CONSTRAINT ck_contribution_back_positive CHECK (back_minor >= 0), 
	CONSTRAINT ck_contribution_money_where_state_says CHECK ((state IN ('in_suspense', 'accepted', 'refund_due', 'disputed', 'refunded', 'corrected')) = (received_at IS NOT NULL)), 
	CONSTRAINT ck_contribution_money_has_payment CHECK (received_at IS NULL OR stripe_payment_intent_id IS NOT NULL OR bank_reference IS NOT NULL), 
	CONSTRAINT ck_contribution_transfer_has_officer CHECK (bank_reference IS NULL OR confirmed_by IS NOT NULL), 
	CONSTRAINT ck_contribution_checkout_has_session CHECK (state <> 'checkout' OR stripe_session_id IS NOT NULL), 
	CONSTRAINT ck_contribution_invoiced_has_invoice CHECK (state <> 'invoiced' OR stripe_invoice_id IS NOT NULL), 
	CONSTRAINT ck_contribution_accepted_into_a_pool CHECK (state <> 'accepted' OR (accepted_at IS NOT NULL AND pool_id IS NOT NULL)), 
	CONSTRAINT ck_contribution_pool_by_acceptance CHECK ((accepted_at IS NULL) = (pool_id IS NULL)), 
	CONSTRAINT uq_contribution_attempt UNIQUE (pledge_id, attempt), 
	CONSTRAINT uq_contribution_reference UNIQUE (reference), 
	CONSTRAINT fk_contribution_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id), 
	CONSTRAINT fk_contribution_method FOREIGN KEY(method) REFERENCES contribution_method (code), 
	CONSTRAINT fk_contribution_state FOREIGN KEY(state) REFERENCES contribution_state (code), 
	CONSTRAINT ck_contribution_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_contribution_instalment_id FOREIGN KEY(instalment_id) REFERENCES instalment (id), 
	CONSTRAINT uq_contribution_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT uq_contribution_stripe_session_id UNIQUE (stripe_session_id), 
	CONSTRAINT uq_contribution_stripe_invoice_id UNIQUE (stripe_invoice_id), 
	CONSTRAINT uq_contribution_stripe_payment_intent_id UNIQUE (stripe_payment_intent_id), 
	CONSTRAINT uq_contribution_stripe_charge_id UNIQUE (stripe_charge_id), 
	CONSTRAINT fk_contribution_confirmed_by FOREIGN KEY(confirmed_by) REFERENCES person (id), 
	CONSTRAINT ck_contribution_paid_minor_is_integer CHECK (typeof(paid_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_settles_minor_is_integer CHECK (typeof(settles_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_gross_minor_is_integer CHECK (typeof(gross_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_exchange_minor_is_integer CHECK (typeof(exchange_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_fee_minor_is_integer CHECK (typeof(fee_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_net_minor_is_integer CHECK (typeof(net_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_contribution_back_minor_is_integer CHECK (typeof(back_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_contribution_pool_id FOREIGN KEY(pool_id) REFERENCES pool (id), 
	CONSTRAINT fk_contribution_accepted_by FOREIGN KEY(accepted_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_contribution_opened_at ON contribution (opened_at)
-- next --
CREATE INDEX ix_contribution_pledge_id ON contribution (pledge_id)
-- next --
CREATE INDEX ix_contribution_pool_id ON contribution (pool_id)
-- next --
CREATE INDEX ix_contribution_received_at ON contribution (received_at)
-- next --
CREATE INDEX ix_contribution_state ON contribution (state)
-- next --
CREATE UNIQUE INDEX uq_contribution_bank_reference ON contribution (bank_reference) WHERE state <> 'corrected'
-- next --
CREATE UNIQUE INDEX uq_contribution_one_live ON contribution (pledge_id, method) WHERE state IN ('created', 'checkout', 'invoiced', 'declared')
-- next --
CREATE TRIGGER contribution_no_update BEFORE UPDATE OF reference, pledge_id, attempt, method, currency, amount_minor, instalment_id, idempotency_key, created_at, opened_at, declared_on, id ON contribution BEGIN SELECT RAISE(ABORT, 'contribution is append-only'); END
-- next --
CREATE TRIGGER contribution_no_renumber BEFORE UPDATE ON contribution WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'contribution is append-only'); END
-- next --
CREATE TRIGGER contribution_no_delete BEFORE DELETE ON contribution BEGIN SELECT RAISE(ABORT, 'contribution is append-only'); END
-- next --
CREATE TRIGGER contribution_no_replace BEFORE INSERT ON contribution WHEN EXISTS (SELECT 1 FROM contribution WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'contribution is append-only'); END
-- next --
CREATE TRIGGER contribution_money_stands BEFORE UPDATE OF stripe_payment_intent_id, stripe_charge_id, bank_reference, value_date, confirmed_by, paid_minor, paid_currency, settles_minor, gross_minor, exchange_minor, fee_minor, net_minor, rate, rate_source, rate_date, received_at ON contribution WHEN OLD.received_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'what was received stands'); END
-- next --
CREATE TRIGGER contribution_accepted_by_another BEFORE UPDATE OF accepted_by ON contribution WHEN NEW.accepted_by IS NOT NULL AND OLD.accepted_by IS NULL AND EXISTS (SELECT 1 FROM pledge p WHERE p.id = NEW.pledge_id AND (p.donor_kind <> 'state' OR p.organisation_id IS NULL) AND NOT EXISTS (SELECT 1 FROM donor_check k WHERE k.outcome = 'clear' AND k.checked_by <> NEW.accepted_by AND (k.pledge_id = p.id OR k.organisation_id = p.organisation_id))) BEGIN SELECT RAISE(ABORT, 'a donor is checked by somebody else than who accepts'); END
-- next --
CREATE TABLE application_paper (
	application_id CHAR(32) NOT NULL, 
	nominee_id CHAR(32), 
	kind VARCHAR(40) NOT NULL, 
	retention VARCHAR(40) NOT NULL, 
	file_id CHAR(32), 
	by_nominee BOOLEAN NOT NULL, 
	uploaded_by CHAR(32), 
	uploaded_at VARCHAR(27) NOT NULL, 
	superseded_at VARCHAR(27), 
	erased_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_application_paper PRIMARY KEY (id), 
	CONSTRAINT ck_application_paper_whose_paper CHECK ((kind = 'nomination_letter') = (nominee_id IS NULL)), 
	CONSTRAINT ck_application_paper_file_until_erased CHECK ((file_id IS NULL) = (erased_at IS NOT NULL)), 
	CONSTRAINT fk_application_paper_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_application_paper_nominee_id FOREIGN KEY(nominee_id) REFERENCES nominee (id), 
	CONSTRAINT fk_application_paper_kind FOREIGN KEY(kind) REFERENCES paper_kind (code), 
	CONSTRAINT fk_application_paper_retention FOREIGN KEY(retention) REFERENCES paper_retention (code), 
	CONSTRAINT fk_application_paper_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_application_paper_uploaded_by FOREIGN KEY(uploaded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_application_paper_application_id ON application_paper (application_id)
-- next --
CREATE INDEX ix_application_paper_file_id ON application_paper (file_id)
-- next --
CREATE INDEX ix_application_paper_kept ON application_paper (retention, application_id) WHERE file_id IS NOT NULL
-- next --
CREATE UNIQUE INDEX uq_application_paper_nominee ON application_paper (nominee_id, kind) WHERE superseded_at IS NULL
-- next --
CREATE UNIQUE INDEX uq_application_paper_state ON application_paper (application_id, kind) WHERE superseded_at IS NULL AND nominee_id IS NULL
-- next --
CREATE TABLE nominee_link (
	nominee_id CHAR(32) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	sent_by CHAR(32), 
	sent_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	revoked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_nominee_link PRIMARY KEY (id), 
	CONSTRAINT ck_nominee_link_expires_after_sending CHECK (expires_at > sent_at), 
	CONSTRAINT fk_nominee_link_nominee_id FOREIGN KEY(nominee_id) REFERENCES nominee (id), 
	CONSTRAINT uq_nominee_link_token_hash UNIQUE (token_hash), 
	CONSTRAINT fk_nominee_link_sent_by FOREIGN KEY(sent_by) REFERENCES person (id)
)
-- next --
CREATE UNIQUE INDEX uq_nominee_link_live ON nominee_link (nominee_id) WHERE revoked_at IS NULL
-- next --
CREATE TABLE nominee_passport (
	nominee_id CHAR(32) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	passport_sealed TEXT, 
	visa_sealed TEXT, 
	given_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_nominee_passport PRIMARY KEY (nominee_id), 
	CONSTRAINT fk_nominee_passport_nominee_id FOREIGN KEY(nominee_id) REFERENCES nominee (id), 
	CONSTRAINT uq_nominee_passport_subject_id UNIQUE (subject_id)
)
-- next --
CREATE TABLE nominee_substitution (
	application_id CHAR(32) NOT NULL, 
	nominee_id CHAR(32) NOT NULL, 
	former_sealed TEXT, 
	by_person CHAR(32), 
	at VARCHAR(27) NOT NULL, 
	checked_by CHAR(32), 
	checked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_nominee_substitution PRIMARY KEY (id), 
	CONSTRAINT ck_nominee_substitution_checked_by_somebody CHECK ((checked_at IS NULL) = (checked_by IS NULL)), 
	CONSTRAINT fk_nominee_substitution_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_nominee_substitution_nominee_id FOREIGN KEY(nominee_id) REFERENCES nominee (id), 
	CONSTRAINT fk_nominee_substitution_by_person FOREIGN KEY(by_person) REFERENCES person (id), 
	CONSTRAINT fk_nominee_substitution_checked_by FOREIGN KEY(checked_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_nominee_substitution_application_id ON nominee_substitution (application_id)
-- next --
CREATE INDEX ix_nominee_substitution_nominee_id ON nominee_substitution (nominee_id)
-- next --
CREATE TABLE award (
	reference VARCHAR(30) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	meeting_id CHAR(32) NOT NULL, 
	application_id CHAR(32) NOT NULL, 
	nominee_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	beneficiary_id CHAR(32), 
	position INTEGER NOT NULL, 
	on_reserve BOOLEAN NOT NULL, 
	replaces_id CHAR(32), 
	round INTEGER NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	vacated BOOLEAN NOT NULL, 
	days_before INTEGER NOT NULL, 
	days_after INTEGER NOT NULL, 
	travel_from DATE NOT NULL, 
	travel_to DATE NOT NULL, 
	reservation_id CHAR(32), 
	offered_at VARCHAR(27), 
	offer_expires_at VARCHAR(27), 
	offer_reminded_at VARCHAR(27), 
	answered_at VARCHAR(27), 
	suspended_from VARCHAR(40), 
	suspended_at VARCHAR(27), 
	created_at VARCHAR(27) NOT NULL, 
	chased_for VARCHAR(60), 
	head_told_for VARCHAR(60), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_award PRIMARY KEY (id), 
	CONSTRAINT uq_award_replaces_id UNIQUE (replaces_id), 
	CONSTRAINT uq_award_reservation_id UNIQUE (reservation_id), 
	CONSTRAINT uq_award_place UNIQUE (call_id, on_reserve, position), 
	CONSTRAINT ck_award_obligation_has_money CHECK (state NOT IN ('certified', 'offered', 'accepted', 'closed') OR reservation_id IS NOT NULL), 
	CONSTRAINT ck_award_offer_has_term CHECK (state NOT IN ('offered', 'accepted', 'lapsed', 'turned_down') OR (offered_at IS NOT NULL AND offer_expires_at > offered_at)), 
	CONSTRAINT ck_award_acceptance_has_time CHECK (state <> 'accepted' OR answered_at IS NOT NULL), 
	CONSTRAINT ck_award_suspended_from_somewhere CHECK ((state = 'suspended') = (suspended_from IS NOT NULL)), 
	CONSTRAINT ck_award_replaces_another CHECK (replaces_id IS NULL OR replaces_id <> id), 
	CONSTRAINT ck_award_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_award_travel_in_order CHECK (travel_to >= travel_from), 
	CONSTRAINT ck_award_counts_from_one CHECK (round >= 1 AND position >= 1), 
	CONSTRAINT uq_award_reference UNIQUE (reference), 
	CONSTRAINT fk_award_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_award_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_award_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_award_nominee_id FOREIGN KEY(nominee_id) REFERENCES nominee (id), 
	CONSTRAINT fk_award_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_award_beneficiary_id FOREIGN KEY(beneficiary_id) REFERENCES person (id), 
	CONSTRAINT fk_award_replaces_id FOREIGN KEY(replaces_id) REFERENCES award (id), 
	CONSTRAINT fk_award_state FOREIGN KEY(state) REFERENCES award_state (code), 
	CONSTRAINT ck_award_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_award_reservation_id FOREIGN KEY(reservation_id) REFERENCES reservation (id), 
	CONSTRAINT fk_award_suspended_from FOREIGN KEY(suspended_from) REFERENCES award_state (code)
)
-- next --
CREATE INDEX ix_award_application_id ON award (application_id)
-- next --
CREATE INDEX ix_award_call_place ON award (call_id, state, position)
-- next --
CREATE INDEX ix_award_meeting_id ON award (meeting_id)
-- next --
CREATE INDEX ix_award_offer_due ON award (offer_expires_at) WHERE state = 'offered'
-- next --
CREATE INDEX ix_award_organisation_id ON award (organisation_id)
-- next --
CREATE INDEX ix_award_state ON award (state)
-- next --
CREATE UNIQUE INDEX uq_award_live_nominee ON award (nominee_id) WHERE state IN ('reserve', 'selected', 'certified', 'offered', 'accepted', 'suspended')
-- next --
CREATE TRIGGER award_state_is_signed BEFORE UPDATE ON award WHEN (CASE NEW.state WHEN 'selected' THEN 'award.decided' WHEN 'certified' THEN 'award.certified' WHEN 'offered' THEN 'award.approved' WHEN 'accepted' THEN 'award.approved' WHEN 'closed' THEN 'award.approved' END) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = 'award' AND subject_id = NEW.id AND round = NEW.round AND step = (CASE NEW.state WHEN 'selected' THEN 'award.decided' WHEN 'certified' THEN 'award.certified' WHEN 'offered' THEN 'award.approved' WHEN 'accepted' THEN 'award.approved' WHEN 'closed' THEN 'award.approved' END)) BEGIN SELECT RAISE(ABORT, 'award_state_is_signed: a signature is missing'); END
-- next --
CREATE TRIGGER award_starts_at_start BEFORE INSERT ON award WHEN NEW.state <> 'reserve' BEGIN SELECT RAISE(ABORT, 'award_starts_at_start: an award starts with the decision'); END
-- next --
CREATE TRIGGER meeting_figure_by_new_award AFTER INSERT ON award BEGIN UPDATE meeting_figure SET stale = 1 WHERE NOT stale AND meeting_id = NEW.meeting_id; END
-- next --
CREATE TRIGGER meeting_figure_by_award AFTER UPDATE ON award BEGIN UPDATE meeting_figure SET stale = 1 WHERE NOT stale AND meeting_id = NEW.meeting_id; END
-- next --
CREATE TABLE receipt (
	kind VARCHAR(40) NOT NULL, 
	number VARCHAR(20) NOT NULL, 
	year INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	contribution_id CHAR(32) NOT NULL, 
	cause_type VARCHAR(40) NOT NULL, 
	cause_id CHAR(32) NOT NULL, 
	cancels_id CHAR(32), 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	issued_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_receipt PRIMARY KEY (id), 
	CONSTRAINT ck_receipt_sequence_positive CHECK (sequence > 0), 
	CONSTRAINT ck_receipt_amount_positive CHECK (amount_minor > 0 AND usd_minor >= 0), 
	CONSTRAINT ck_receipt_credit_note_cancels CHECK ((kind = 'credit_note') = (cancels_id IS NOT NULL)), 
	CONSTRAINT uq_receipt_sequence UNIQUE (kind, year, sequence), 
	CONSTRAINT fk_receipt_kind FOREIGN KEY(kind) REFERENCES receipt_kind (code), 
	CONSTRAINT uq_receipt_number UNIQUE (number), 
	CONSTRAINT fk_receipt_contribution_id FOREIGN KEY(contribution_id) REFERENCES contribution (id), 
	CONSTRAINT fk_receipt_cancels_id FOREIGN KEY(cancels_id) REFERENCES receipt (id), 
	CONSTRAINT ck_receipt_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_receipt_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_receipt_contribution_id ON receipt (contribution_id)
-- next --
CREATE UNIQUE INDEX uq_receipt_cancelled ON receipt (cancels_id, cause_type, cause_id) WHERE cancels_id IS NOT NULL
-- next --
CREATE UNIQUE INDEX uq_receipt_cause ON receipt (cause_type, cause_id) WHERE cancels_id IS NULL
-- next --
CREATE TRIGGER receipt_no_update BEFORE UPDATE ON receipt BEGIN SELECT RAISE(ABORT, 'receipt is append-only'); END
-- next --
CREATE TRIGGER receipt_no_delete BEFORE DELETE ON receipt BEGIN SELECT RAISE(ABORT, 'receipt is append-only'); END
-- next --
CREATE TRIGGER receipt_no_replace BEFORE INSERT ON receipt WHEN EXISTS (SELECT 1 FROM receipt WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'receipt is append-only'); END
-- next --
CREATE TRIGGER receipt_cancelled_once BEFORE INSERT ON receipt WHEN NEW.cancels_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.id = NEW.cancels_id AND r.kind = 'receipt' AND r.contribution_id = NEW.contribution_id AND r.currency = NEW.currency AND NEW.amount_minor + (SELECT coalesce(sum(n.amount_minor), 0) FROM receipt n WHERE n.cancels_id = r.id) <= r.amount_minor) BEGIN SELECT RAISE(ABORT, 'credit notes cancel no more than their receipt says'); END
-- next --
CREATE TABLE refund (
	contribution_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	settled_minor BIGINT, 
	reason VARCHAR(40) NOT NULL, 
	idempotency_key VARCHAR(80) NOT NULL, 
	stripe_refund_id VARCHAR(100), 
	bank_reference VARCHAR(80), 
	requested_by CHAR(32), 
	approved_by CHAR(32), 
	recorded_by CHAR(32), 
	created_at VARCHAR(27) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	checked_at VARCHAR(27), 
	succeeded_at VARCHAR(27), 
	returned_at VARCHAR(27), 
	failure_code VARCHAR(60), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_refund PRIMARY KEY (id), 
	CONSTRAINT ck_refund_amount_positive CHECK (amount_minor > 0 AND usd_minor > 0), 
	CONSTRAINT ck_refund_settled_positive CHECK (settled_minor IS NULL OR settled_minor >= 0), 
	CONSTRAINT ck_refund_pending_has_refund CHECK (state <> 'pending' OR stripe_refund_id IS NOT NULL), 
	CONSTRAINT ck_refund_two_people CHECK (approved_by IS NULL OR approved_by <> requested_by), 
	CONSTRAINT ck_refund_approved_before_it_moves CHECK (kind NOT IN ('refund', 'correction') OR state IN ('requested', 'declined') OR approved_by IS NOT NULL), 
	CONSTRAINT ck_refund_transfer_has_officer CHECK (bank_reference IS NULL OR recorded_by IS NOT NULL), 
	CONSTRAINT ck_refund_recorded_by_a_third CHECK (recorded_by IS NULL OR (recorded_by <> coalesce(requested_by, approved_by) AND recorded_by <> coalesce(approved_by, requested_by))), 
	CONSTRAINT fk_refund_contribution_id FOREIGN KEY(contribution_id) REFERENCES contribution (id), 
	CONSTRAINT fk_refund_kind FOREIGN KEY(kind) REFERENCES refund_kind (code), 
	CONSTRAINT fk_refund_state FOREIGN KEY(state) REFERENCES refund_state (code), 
	CONSTRAINT ck_refund_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_refund_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_refund_settled_minor_is_integer CHECK (typeof(settled_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_refund_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT uq_refund_stripe_refund_id UNIQUE (stripe_refund_id), 
	CONSTRAINT uq_refund_bank_reference UNIQUE (bank_reference), 
	CONSTRAINT fk_refund_requested_by FOREIGN KEY(requested_by) REFERENCES person (id), 
	CONSTRAINT fk_refund_approved_by FOREIGN KEY(approved_by) REFERENCES person (id), 
	CONSTRAINT fk_refund_recorded_by FOREIGN KEY(recorded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_refund_asked_at ON refund (asked_at)
-- next --
CREATE INDEX ix_refund_contribution_id ON refund (contribution_id)
-- next --
CREATE INDEX ix_refund_state ON refund (state)
-- next --
CREATE UNIQUE INDEX uq_refund_one_under_way ON refund (contribution_id) WHERE state IN ('requested', 'created', 'pending') AND kind <> 'external'
-- next --
CREATE TRIGGER refund_no_update BEFORE UPDATE OF contribution_id, kind, currency, amount_minor, reason, idempotency_key, requested_by, created_at, id ON refund BEGIN SELECT RAISE(ABORT, 'refund is append-only'); END
-- next --
CREATE TRIGGER refund_no_renumber BEFORE UPDATE ON refund WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'refund is append-only'); END
-- next --
CREATE TRIGGER refund_no_delete BEFORE DELETE ON refund BEGIN SELECT RAISE(ABORT, 'refund is append-only'); END
-- next --
CREATE TRIGGER refund_no_replace BEFORE INSERT ON refund WHEN EXISTS (SELECT 1 FROM refund WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'refund is append-only'); END
-- next --
CREATE TABLE dispute (
	contribution_id CHAR(32) NOT NULL, 
	stripe_dispute_id VARCHAR(100) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	reason VARCHAR(60) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	usd_minor BIGINT, 
	fee_minor BIGINT, 
	reinstated_minor BIGINT, 
	opened_at VARCHAR(27) NOT NULL, 
	respond_by VARCHAR(27), 
	taken_at VARCHAR(27), 
	reinstated_at VARCHAR(27), 
	closed_at VARCHAR(27), 
	checked_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_dispute PRIMARY KEY (id), 
	CONSTRAINT ck_dispute_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_dispute_taken_positive CHECK (usd_minor IS NULL OR usd_minor > 0), 
	CONSTRAINT ck_dispute_fee_positive CHECK (fee_minor IS NULL OR fee_minor >= 0), 
	CONSTRAINT ck_dispute_reinstated CHECK ((reinstated_at IS NULL) = (reinstated_minor IS NULL)), 
	CONSTRAINT ck_dispute_taken_before_reinstated CHECK (reinstated_at IS NULL OR taken_at IS NOT NULL), 
	CONSTRAINT fk_dispute_contribution_id FOREIGN KEY(contribution_id) REFERENCES contribution (id), 
	CONSTRAINT uq_dispute_stripe_dispute_id UNIQUE (stripe_dispute_id), 
	CONSTRAINT fk_dispute_state FOREIGN KEY(state) REFERENCES dispute_state (code), 
	CONSTRAINT ck_dispute_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_dispute_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_dispute_fee_minor_is_integer CHECK (typeof(fee_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_dispute_reinstated_minor_is_integer CHECK (typeof(reinstated_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_dispute_contribution_id ON dispute (contribution_id)
-- next --
CREATE INDEX ix_dispute_state ON dispute (state)
-- next --
CREATE TRIGGER dispute_no_update BEFORE UPDATE OF contribution_id, stripe_dispute_id, reason, currency, amount_minor, opened_at, id ON dispute BEGIN SELECT RAISE(ABORT, 'dispute is append-only'); END
-- next --
CREATE TRIGGER dispute_no_renumber BEFORE UPDATE ON dispute WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'dispute is append-only'); END
-- next --
CREATE TRIGGER dispute_no_delete BEFORE DELETE ON dispute BEGIN SELECT RAISE(ABORT, 'dispute is append-only'); END
-- next --
CREATE TRIGGER dispute_no_replace BEFORE INSERT ON dispute WHEN EXISTS (SELECT 1 FROM dispute WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'dispute is append-only'); END
-- next --
CREATE TABLE donor_invoice (
	contribution_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	number VARCHAR(60), 
	hosted_url TEXT, 
	description VARCHAR(200) NOT NULL, 
	after_minor BIGINT NOT NULL, 
	funded_minor BIGINT NOT NULL, 
	due_on DATE NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	ordered_by CHAR(32), 
	ordered_at VARCHAR(27) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	checked_at VARCHAR(27), 
	sent_at VARCHAR(27), 
	closed_at VARCHAR(27), 
	close_as VARCHAR(40), 
	failure_code VARCHAR(60), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_donor_invoice PRIMARY KEY (id), 
	CONSTRAINT ck_donor_invoice_amounts_positive CHECK (after_minor >= 0 AND funded_minor >= 0), 
	CONSTRAINT ck_donor_invoice_open_has_page CHECK (state <> 'open' OR hosted_url IS NOT NULL), 
	CONSTRAINT ck_donor_invoice_closing_says_how CHECK (state <> 'closing' OR close_as IS NOT NULL), 
	CONSTRAINT uq_donor_invoice_contribution_id UNIQUE (contribution_id), 
	CONSTRAINT fk_donor_invoice_contribution_id FOREIGN KEY(contribution_id) REFERENCES contribution (id), 
	CONSTRAINT fk_donor_invoice_state FOREIGN KEY(state) REFERENCES donor_invoice_state (code), 
	CONSTRAINT ck_donor_invoice_after_minor_is_integer CHECK (typeof(after_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_donor_invoice_funded_minor_is_integer CHECK (typeof(funded_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_donor_invoice_ordered_by FOREIGN KEY(ordered_by) REFERENCES person (id), 
	CONSTRAINT fk_donor_invoice_close_as FOREIGN KEY(close_as) REFERENCES invoice_closing (code)
)
-- next --
CREATE INDEX ix_donor_invoice_ordered_at ON donor_invoice (ordered_at)
-- next --
CREATE INDEX ix_donor_invoice_state ON donor_invoice (state)
-- next --
CREATE TRIGGER donor_invoice_no_update BEFORE UPDATE OF contribution_id, description, after_minor, due_on, due_at, ordered_by, ordered_at, id ON donor_invoice BEGIN SELECT RAISE(ABORT, 'donor_invoice is append-only'); END
-- next --
CREATE TRIGGER donor_invoice_no_renumber BEFORE UPDATE ON donor_invoice WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'donor_invoice is append-only'); END
-- next --
CREATE TRIGGER donor_invoice_no_delete BEFORE DELETE ON donor_invoice BEGIN SELECT RAISE(ABORT, 'donor_invoice is append-only'); END
-- next --
CREATE TRIGGER donor_invoice_no_replace BEFORE INSERT ON donor_invoice WHEN EXISTS (SELECT 1 FROM donor_invoice WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'donor_invoice is append-only'); END
-- next --
CREATE TABLE award_line (
	award_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_award_line PRIMARY KEY (id), 
	CONSTRAINT uq_award_line_kind UNIQUE (award_id, kind), 
	CONSTRAINT ck_award_line_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT fk_award_line_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_award_line_kind FOREIGN KEY(kind) REFERENCES award_line_kind (code), 
	CONSTRAINT ck_award_line_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null'))
)
-- next --
CREATE TABLE fare_quote (
	award_id CHAR(32) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	usd_minor BIGINT NOT NULL, 
	rate VARCHAR(40), 
	rate_source VARCHAR(80), 
	rate_date DATE, 
	source VARCHAR(120) NOT NULL, 
	quoted_on DATE NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	recorded_by CHAR(32) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_fare_quote PRIMARY KEY (id), 
	CONSTRAINT ck_fare_quote_amount_positive CHECK (amount_minor > 0 AND usd_minor > 0), 
	CONSTRAINT ck_fare_quote_rate_of_other_currencies CHECK ((currency = 'USD') = (rate IS NULL)), 
	CONSTRAINT ck_fare_quote_dollars_are_dollars CHECK (currency <> 'USD' OR usd_minor = amount_minor), 
	CONSTRAINT fk_fare_quote_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT ck_fare_quote_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_fare_quote_usd_minor_is_integer CHECK (typeof(usd_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_fare_quote_recorded_by FOREIGN KEY(recorded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_fare_quote_award ON fare_quote (award_id, recorded_at)
-- next --
CREATE TRIGGER fare_quote_no_update BEFORE UPDATE ON fare_quote BEGIN SELECT RAISE(ABORT, 'fare_quote is append-only'); END
-- next --
CREATE TRIGGER fare_quote_no_delete BEFORE DELETE ON fare_quote BEGIN SELECT RAISE(ABORT, 'fare_quote is append-only'); END
-- next --
CREATE TRIGGER fare_quote_no_replace BEFORE INSERT ON fare_quote WHEN EXISTS (SELECT 1 FROM fare_quote WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'fare_quote is append-only'); END
-- next --
CREATE TABLE award_journey (
	award_id CHAR(32) NOT NULL, 
	nights_in_air JSON NOT NULL, 
	provided JSON NOT NULL, 
	cars JSON NOT NULL, 
	hours INTEGER, 
	covered_from INTEGER, 
	covered_to INTEGER, 
	set_by CHAR(32) NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_award_journey PRIMARY KEY (award_id), 
	CONSTRAINT ck_award_journey_covered_whole CHECK ((covered_from IS NULL) = (covered_to IS NULL)), 
	CONSTRAINT ck_award_journey_covered_in_order CHECK (covered_from IS NULL OR (covered_from >= 1 AND covered_to >= covered_from)), 
	CONSTRAINT ck_award_journey_hours_of_a_day CHECK (hours IS NULL OR hours BETWEEN 1 AND 24), 
	CONSTRAINT fk_award_journey_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_award_journey_set_by FOREIGN KEY(set_by) REFERENCES person (id)
)
-- next --
CREATE TABLE travel_override (
	award_id CHAR(32) NOT NULL, 
	condition VARCHAR(40) NOT NULL, 
	reason TEXT NOT NULL, 
	by_person CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_travel_override PRIMARY KEY (id), 
	CONSTRAINT ck_travel_override_has_reason CHECK (length(reason) > 0), 
	CONSTRAINT fk_travel_override_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_travel_override_condition FOREIGN KEY(condition) REFERENCES travel_condition (code), 
	CONSTRAINT fk_travel_override_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_travel_override_award_id ON travel_override (award_id)
-- next --
CREATE TRIGGER travel_override_no_update BEFORE UPDATE ON travel_override BEGIN SELECT RAISE(ABORT, 'travel_override is append-only'); END
-- next --
CREATE TRIGGER travel_override_no_delete BEFORE DELETE ON travel_override BEGIN SELECT RAISE(ABORT, 'travel_override is append-only'); END
-- next --
CREATE TRIGGER travel_override_no_replace BEFORE INSERT ON travel_override WHEN EXISTS (SELECT 1 FROM travel_override WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'travel_override is append-only'); END
-- next --
CREATE TABLE state_letter (
	reference VARCHAR(20) NOT NULL, 
	batch_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	application_id CHAR(32) NOT NULL, 
	award_id CHAR(32), 
	organisation_id CHAR(32) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	occasion VARCHAR(80) NOT NULL, 
	reason VARCHAR(40), 
	replaces_id CHAR(32), 
	language VARCHAR(12) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	signed_by CHAR(32) NOT NULL, 
	office VARCHAR(40) NOT NULL, 
	signed_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_state_letter PRIMARY KEY (id), 
	CONSTRAINT uq_state_letter_once UNIQUE (kind, subject_id, occasion), 
	CONSTRAINT ck_state_letter_subject CHECK (subject_id = COALESCE(award_id, application_id)), 
	CONSTRAINT ck_state_letter_kind_of_award CHECK ((kind IN ('selected', 'lapsed', 'withdrawn')) = (award_id IS NOT NULL)), 
	CONSTRAINT ck_state_letter_kind_with_reason CHECK ((kind IN ('not_selected', 'ineligible', 'withdrawn')) = (reason IS NOT NULL)), 
	CONSTRAINT ck_state_letter_reason_of_not_selected CHECK (kind <> 'not_selected' OR reason IN ('no_funds', 'rules', 'reserve_ended', 'outside_call')), 
	CONSTRAINT ck_state_letter_reason_of_ineligible CHECK (kind <> 'ineligible' OR reason IN ('incomplete', 'not_nominated_by_state', 'no_declaration', 'outside_call', 'mission_prevails')), 
	CONSTRAINT ck_state_letter_reason_of_withdrawn CHECK (kind <> 'withdrawn' OR reason IN ('no_money', 'rules_not_met', 'details_wrong', 'meeting_changed', 'state_request')), 
	CONSTRAINT ck_state_letter_digest CHECK (length(sha256) = 64), 
	CONSTRAINT ck_state_letter_replaces_another CHECK (replaces_id IS NULL OR replaces_id <> id), 
	CONSTRAINT uq_state_letter_reference UNIQUE (reference), 
	CONSTRAINT fk_state_letter_kind FOREIGN KEY(kind) REFERENCES state_letter_kind (code), 
	CONSTRAINT fk_state_letter_call_id FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_state_letter_application_id FOREIGN KEY(application_id) REFERENCES application (id), 
	CONSTRAINT fk_state_letter_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_state_letter_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_state_letter_reason FOREIGN KEY(reason) REFERENCES state_letter_reason (code), 
	CONSTRAINT fk_state_letter_replaces_id FOREIGN KEY(replaces_id) REFERENCES state_letter (id), 
	CONSTRAINT uq_state_letter_file_id UNIQUE (file_id), 
	CONSTRAINT fk_state_letter_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_state_letter_signed_by FOREIGN KEY(signed_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_state_letter_application_id ON state_letter (application_id)
-- next --
CREATE INDEX ix_state_letter_award_id ON state_letter (award_id)
-- next --
CREATE INDEX ix_state_letter_batch_id ON state_letter (batch_id)
-- next --
CREATE INDEX ix_state_letter_call_id ON state_letter (call_id)
-- next --
CREATE INDEX ix_state_letter_organisation ON state_letter (organisation_id, id)
-- next --
CREATE TRIGGER state_letter_no_update BEFORE UPDATE ON state_letter BEGIN SELECT RAISE(ABORT, 'state_letter is append-only'); END
-- next --
CREATE TRIGGER state_letter_no_delete BEFORE DELETE ON state_letter BEGIN SELECT RAISE(ABORT, 'state_letter is append-only'); END
-- next --
CREATE TRIGGER state_letter_no_replace BEFORE INSERT ON state_letter WHEN EXISTS (SELECT 1 FROM state_letter WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'state_letter is append-only'); END
-- next --
CREATE TRIGGER state_letter_to_its_state BEFORE INSERT ON state_letter WHEN NOT EXISTS (SELECT 1 FROM application WHERE id = NEW.application_id AND organisation_id = NEW.organisation_id AND call_id = NEW.call_id) OR (NEW.award_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM award WHERE id = NEW.award_id AND application_id = NEW.application_id)) BEGIN SELECT RAISE(ABORT, 'state_letter_to_its_state: the letter is about another State'); END
-- next --
CREATE TABLE claim (
	reference VARCHAR(30) NOT NULL, 
	award_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	opened_at VARCHAR(27) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	reminded_at VARCHAR(27), 
	escalated_at VARCHAR(27), 
	days JSON, 
	words_sealed TEXT, 
	return_words_sealed TEXT, 
	submitted_by CHAR(32), 
	submitted_at VARCHAR(27), 
	attendance VARCHAR(40), 
	entitled_minor BIGINT, 
	ceiling_minor BIGINT, 
	paid_minor BIGINT, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_claim PRIMARY KEY (id), 
	CONSTRAINT ck_claim_sent_by_somebody CHECK (state NOT IN ('submitted', 'settled') OR submitted_by IS NOT NULL), 
	CONSTRAINT ck_claim_decided_has_figures CHECK (state NOT IN ('settled', 'no_show', 'unclaimed') OR (entitled_minor IS NOT NULL AND ceiling_minor IS NOT NULL AND paid_minor IS NOT NULL AND decided_by IS NOT NULL AND attendance IS NOT NULL)), 
	CONSTRAINT ck_claim_open_is_undecided CHECK (state IN ('settled', 'no_show', 'unclaimed') OR decided_by IS NULL), 
	CONSTRAINT ck_claim_decided_by_another CHECK (decided_by IS NULL OR submitted_by IS NULL OR decided_by <> submitted_by), 
	CONSTRAINT ck_claim_within_the_obligation CHECK (entitled_minor IS NULL OR (entitled_minor >= 0 AND paid_minor >= 0 AND entitled_minor <= ceiling_minor)), 
	CONSTRAINT uq_claim_award_id UNIQUE (award_id), 
	CONSTRAINT uq_claim_reference UNIQUE (reference), 
	CONSTRAINT fk_claim_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_claim_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_claim_state FOREIGN KEY(state) REFERENCES claim_state (code), 
	CONSTRAINT fk_claim_submitted_by FOREIGN KEY(submitted_by) REFERENCES person (id), 
	CONSTRAINT fk_claim_attendance FOREIGN KEY(attendance) REFERENCES attendance (code), 
	CONSTRAINT ck_claim_entitled_minor_is_integer CHECK (typeof(entitled_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_claim_ceiling_minor_is_integer CHECK (typeof(ceiling_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_claim_paid_minor_is_integer CHECK (typeof(paid_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_claim_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_claim_due ON claim (due_at) WHERE state = 'wanted'
-- next --
CREATE INDEX ix_claim_organisation_id ON claim (organisation_id)
-- next --
CREATE INDEX ix_claim_state ON claim (state)
-- next --
CREATE TRIGGER claim_decided_stands BEFORE UPDATE ON claim WHEN OLD.state IN ('settled', 'no_show', 'unclaimed') AND NOT (OLD.state = 'unclaimed' AND NEW.state = 'wanted' AND EXISTS (SELECT 1 FROM late_claim l WHERE l.claim_id = OLD.id AND l.state = 'agreed' AND l.closed_at = OLD.decided_at)) AND (NEW.state <> OLD.state OR NEW.entitled_minor <> OLD.entitled_minor OR NEW.ceiling_minor <> OLD.ceiling_minor OR NEW.paid_minor <> OLD.paid_minor OR NEW.decided_by <> OLD.decided_by OR NEW.attendance <> OLD.attendance) BEGIN SELECT RAISE(ABORT, 'claim_decided_stands: what was decided stands'); END
-- next --
CREATE TABLE delegate_report (
	award_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	reminded_at VARCHAR(27), 
	words_sealed TEXT, 
	received_at VARCHAR(27), 
	received_by CHAR(32), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_delegate_report PRIMARY KEY (id), 
	CONSTRAINT ck_delegate_report_received_from_somebody CHECK (state <> 'received' OR (received_at IS NOT NULL AND received_by IS NOT NULL)), 
	CONSTRAINT uq_delegate_report_award_id UNIQUE (award_id), 
	CONSTRAINT fk_delegate_report_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_delegate_report_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_delegate_report_state FOREIGN KEY(state) REFERENCES delegate_report_state (code), 
	CONSTRAINT fk_delegate_report_received_by FOREIGN KEY(received_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_delegate_report_due ON delegate_report (due_at) WHERE state = 'awaited'
-- next --
CREATE INDEX ix_delegate_report_organisation_id ON delegate_report (organisation_id)
-- next --
CREATE INDEX ix_delegate_report_state ON delegate_report (state)
-- next --
CREATE TABLE payee (
	award_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	rail VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	holder_sealed TEXT, 
	bank_name_sealed TEXT, 
	bank_country_sealed TEXT, 
	account_sealed TEXT, 
	bic_sealed TEXT, 
	proof_file_id CHAR(32), 
	paper_name_sealed TEXT, 
	paper_kind_sealed TEXT, 
	paper_ending_sealed TEXT, 
	paper_file_id CHAR(32), 
	data_version INTEGER NOT NULL, 
	entered_by CHAR(32), 
	entered_at VARCHAR(27), 
	verified_by CHAR(32), 
	verified_at VARCHAR(27), 
	reminded_at VARCHAR(27), 
	contact_sealed TEXT, 
	frozen_until VARCHAR(27), 
	name_check VARCHAR(20), 
	screened_list_id CHAR(32), 
	screened_version INTEGER, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_payee PRIMARY KEY (id), 
	CONSTRAINT ck_payee_verified_by_another CHECK (verified_by IS NULL OR verified_by <> entered_by), 
	CONSTRAINT ck_payee_verified_has_name CHECK ((state = 'verified') = (verified_by IS NOT NULL) OR state = 'ended'), 
	CONSTRAINT ck_payee_entered_is_complete CHECK (state NOT IN ('entered', 'verified') OR (entered_by IS NOT NULL AND ((rail = 'transfer' AND holder_sealed IS NOT NULL AND bank_name_sealed IS NOT NULL AND account_sealed IS NOT NULL) OR (rail = 'paymaster_cash' AND paper_name_sealed IS NOT NULL AND paper_kind_sealed IS NOT NULL AND paper_ending_sealed IS NOT NULL AND paper_file_id IS NOT NULL)))), 
	CONSTRAINT uq_payee_award_id UNIQUE (award_id), 
	CONSTRAINT fk_payee_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_payee_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_payee_state FOREIGN KEY(state) REFERENCES payee_state (code), 
	CONSTRAINT fk_payee_rail FOREIGN KEY(rail) REFERENCES payment_rail (code), 
	CONSTRAINT fk_payee_proof_file_id FOREIGN KEY(proof_file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_payee_paper_file_id FOREIGN KEY(paper_file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_payee_entered_by FOREIGN KEY(entered_by) REFERENCES person (id), 
	CONSTRAINT fk_payee_verified_by FOREIGN KEY(verified_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_payee_organisation_id ON payee (organisation_id)
-- next --
CREATE INDEX ix_payee_state ON payee (state)
-- next --
CREATE TRIGGER payee_verified_by_name BEFORE UPDATE ON payee WHEN NEW.state = 'verified' AND OLD.state <> 'verified' AND NEW.name_check IS NULL BEGIN SELECT RAISE(ABORT, 'payee_verified_by_name: nobody has compared the names'); END
-- next --
CREATE TABLE award_basis (
	award_id CHAR(32) NOT NULL, 
	n INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	rule VARCHAR(40) NOT NULL, 
	day DATE, 
	place VARCHAR(120) NOT NULL, 
	rate_minor BIGINT NOT NULL, 
	share_bp INTEGER NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	source_from DATE, 
	given JSON NOT NULL, 
	quote_id CHAR(32), 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_award_basis PRIMARY KEY (id), 
	CONSTRAINT uq_award_basis_n UNIQUE (award_id, n), 
	CONSTRAINT ck_award_basis_amounts_not_negative CHECK (amount_minor >= 0 AND rate_minor >= 0), 
	CONSTRAINT ck_award_basis_share_of_the_whole CHECK (share_bp BETWEEN 0 AND 10000), 
	CONSTRAINT fk_award_basis_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_award_basis_kind FOREIGN KEY(kind) REFERENCES award_line_kind (code), 
	CONSTRAINT fk_award_basis_rule FOREIGN KEY(rule) REFERENCES entitlement_rule (code), 
	CONSTRAINT ck_award_basis_rate_minor_is_integer CHECK (typeof(rate_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_award_basis_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_award_basis_quote_id FOREIGN KEY(quote_id) REFERENCES fare_quote (id)
)
-- next --
CREATE TRIGGER award_basis_fixed_insert BEFORE INSERT ON award_basis WHEN (SELECT state FROM award WHERE id = NEW.award_id) <> 'selected' BEGIN SELECT RAISE(ABORT, 'what an obligation rests on is fixed once it is certified'); END
-- next --
CREATE TRIGGER award_basis_fixed_update BEFORE UPDATE ON award_basis WHEN (SELECT state FROM award WHERE id = NEW.award_id) <> 'selected' BEGIN SELECT RAISE(ABORT, 'what an obligation rests on is fixed once it is certified'); END
-- next --
CREATE TRIGGER award_basis_fixed_delete BEFORE DELETE ON award_basis WHEN (SELECT state FROM award WHERE id = OLD.award_id) <> 'selected' BEGIN SELECT RAISE(ABORT, 'what an obligation rests on is fixed once it is certified'); END
-- next --
CREATE TABLE late_claim (
	claim_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	closed_at VARCHAR(27) NOT NULL, 
	words_sealed TEXT, 
	asked_by CHAR(32) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	agreed_by CHAR(32), 
	agreed_at VARCHAR(27), 
	reserved_minor BIGINT, 
	ticket_minor BIGINT, 
	ticket_file_id CHAR(32), 
	remind_at VARCHAR(27), 
	reminders INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_late_claim PRIMARY KEY (id), 
	CONSTRAINT ck_late_claim_decided_by_another CHECK (decided_by IS NULL OR decided_by <> asked_by), 
	CONSTRAINT ck_late_claim_agreed_by_a_third CHECK (agreed_by IS NULL OR (decided_by IS NOT NULL AND agreed_by <> decided_by AND agreed_by <> asked_by)), 
	CONSTRAINT ck_late_claim_decided_has_name CHECK (state NOT IN ('decided', 'agreed') OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)), 
	CONSTRAINT ck_late_claim_agreed_has_money CHECK ((state = 'agreed') = (reserved_minor IS NOT NULL)), 
	CONSTRAINT ck_late_claim_agreed_has_name CHECK (state <> 'agreed' OR (agreed_by IS NOT NULL AND agreed_at IS NOT NULL)), 
	CONSTRAINT ck_late_claim_amount_not_negative CHECK (reserved_minor IS NULL OR reserved_minor >= 0), 
	CONSTRAINT ck_late_claim_ticket_positive CHECK (ticket_minor IS NULL OR ticket_minor > 0), 
	CONSTRAINT ck_late_claim_ticket_has_receipt CHECK ((ticket_minor IS NULL) = (ticket_file_id IS NULL)), 
	CONSTRAINT fk_late_claim_claim_id FOREIGN KEY(claim_id) REFERENCES claim (id), 
	CONSTRAINT fk_late_claim_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_late_claim_state FOREIGN KEY(state) REFERENCES late_claim_state (code), 
	CONSTRAINT fk_late_claim_asked_by FOREIGN KEY(asked_by) REFERENCES person (id), 
	CONSTRAINT fk_late_claim_decided_by FOREIGN KEY(decided_by) REFERENCES person (id), 
	CONSTRAINT fk_late_claim_agreed_by FOREIGN KEY(agreed_by) REFERENCES person (id), 
	CONSTRAINT ck_late_claim_reserved_minor_is_integer CHECK (typeof(reserved_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_late_claim_ticket_minor_is_integer CHECK (typeof(ticket_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_late_claim_ticket_file_id FOREIGN KEY(ticket_file_id) REFERENCES stored_file (id)
)
-- next --
CREATE INDEX ix_late_claim_claim ON late_claim (claim_id, asked_at)
-- next --
CREATE INDEX ix_late_claim_list ON late_claim (asked_at, id)
-- next --
CREATE INDEX ix_late_claim_organisation_id ON late_claim (organisation_id)
-- next --
CREATE INDEX ix_late_claim_state ON late_claim (state)
-- next --
CREATE UNIQUE INDEX uq_late_claim_open ON late_claim (claim_id) WHERE state IN ('asked', 'decided')
-- next --
CREATE TRIGGER late_claim_no_update BEFORE UPDATE OF claim_id, organisation_id, closed_at, asked_by, asked_at, ticket_minor, ticket_file_id, id ON late_claim BEGIN SELECT RAISE(ABORT, 'late_claim is append-only'); END
-- next --
CREATE TRIGGER late_claim_no_renumber BEFORE UPDATE ON late_claim WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'late_claim is append-only'); END
-- next --
CREATE TRIGGER late_claim_no_delete BEFORE DELETE ON late_claim BEGIN SELECT RAISE(ABORT, 'late_claim is append-only'); END
-- next --
CREATE TRIGGER late_claim_no_replace BEFORE INSERT ON late_claim WHEN EXISTS (SELECT 1 FROM late_claim WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'late_claim is append-only'); END
-- next --
CREATE TRIGGER late_claim_is_of_a_closing BEFORE INSERT ON late_claim WHEN NEW.state <> 'asked' OR NOT EXISTS (SELECT 1 FROM claim c WHERE c.id = NEW.claim_id AND c.state = 'unclaimed' AND c.decided_at = NEW.closed_at) BEGIN SELECT RAISE(ABORT, 'late_claim_is_of_a_closing: no claim was closed then'); END
-- next --
CREATE TRIGGER late_claim_ended_stands BEFORE UPDATE ON late_claim WHEN (NEW.state <> OLD.state OR NEW.version <> OLD.version) AND (OLD.state IN ('agreed', 'refused', 'taken_back') OR (OLD.state = 'asked' AND NEW.state = 'agreed') OR (OLD.decided_by IS NOT NULL AND NEW.decided_by <> OLD.decided_by)) BEGIN SELECT RAISE(ABORT, 'late_claim_ended_stands: what was decided stands'); END
-- next --
CREATE TRIGGER late_claim_not_by_payee BEFORE UPDATE ON late_claim WHEN (NEW.state IN ('decided', 'agreed')) AND (EXISTS (SELECT 1 FROM claim c JOIN award a ON a.id = c.award_id WHERE c.id = NEW.claim_id AND (a.beneficiary_id = NEW.decided_by OR a.beneficiary_id = NEW.agreed_by))) BEGIN SELECT RAISE(ABORT, 'late_claim_not_by_payee: whoever benefits does not sign'); END
-- next --
CREATE TABLE claim_paper (
	claim_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	file_id CHAR(32) NOT NULL, 
	added_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_claim_paper PRIMARY KEY (id), 
	CONSTRAINT fk_claim_paper_claim_id FOREIGN KEY(claim_id) REFERENCES claim (id), 
	CONSTRAINT fk_claim_paper_kind FOREIGN KEY(kind) REFERENCES claim_paper_kind (code), 
	CONSTRAINT uq_claim_paper_file_id UNIQUE (file_id), 
	CONSTRAINT fk_claim_paper_file_id FOREIGN KEY(file_id) REFERENCES stored_file (id)
)
-- next --
CREATE INDEX ix_claim_paper_claim_id ON claim_paper (claim_id)
-- next --
CREATE TRIGGER claim_paper_no_update BEFORE UPDATE ON claim_paper BEGIN SELECT RAISE(ABORT, 'claim_paper is append-only'); END
-- next --
CREATE TRIGGER claim_paper_no_delete BEFORE DELETE ON claim_paper BEGIN SELECT RAISE(ABORT, 'claim_paper is append-only'); END
-- next --
CREATE TRIGGER claim_paper_no_replace BEFORE INSERT ON claim_paper WHEN EXISTS (SELECT 1 FROM claim_paper WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'claim_paper is append-only'); END
-- next --
CREATE TABLE claim_line (
	claim_id CHAR(32) NOT NULL, 
	n INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	rule VARCHAR(40) NOT NULL, 
	day DATE, 
	place VARCHAR(120) NOT NULL, 
	rate_minor BIGINT NOT NULL, 
	share_bp INTEGER NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	source_from DATE, 
	given JSON NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_claim_line PRIMARY KEY (id), 
	CONSTRAINT uq_claim_line_n UNIQUE (claim_id, n), 
	CONSTRAINT ck_claim_line_amounts_not_negative CHECK (amount_minor >= 0 AND rate_minor >= 0), 
	CONSTRAINT fk_claim_line_claim_id FOREIGN KEY(claim_id) REFERENCES claim (id), 
	CONSTRAINT fk_claim_line_kind FOREIGN KEY(kind) REFERENCES award_line_kind (code), 
	CONSTRAINT fk_claim_line_rule FOREIGN KEY(rule) REFERENCES entitlement_rule (code), 
	CONSTRAINT ck_claim_line_rate_minor_is_integer CHECK (typeof(rate_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_claim_line_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null'))
)
-- next --
CREATE TRIGGER claim_line_no_update BEFORE UPDATE ON claim_line BEGIN SELECT RAISE(ABORT, 'claim_line is append-only'); END
-- next --
CREATE TRIGGER claim_line_no_delete BEFORE DELETE ON claim_line BEGIN SELECT RAISE(ABORT, 'claim_line is append-only'); END
-- next --
CREATE TRIGGER claim_line_no_replace BEFORE INSERT ON claim_line WHEN EXISTS (SELECT 1 FROM claim_line WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'claim_line is append-only'); END
-- next --
CREATE TABLE sanctions_match (
	payee_id CHAR(32) NOT NULL, 
	data_version INTEGER NOT NULL, 
	entry_id CHAR(32) NOT NULL, 
	data_id VARCHAR(40) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	likeness VARCHAR(40) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	found_at VARCHAR(27) NOT NULL, 
	proposed_by CHAR(32), 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_sanctions_match PRIMARY KEY (id), 
	CONSTRAINT uq_sanctions_match_once UNIQUE (payee_id, data_version, data_id, digest), 
	CONSTRAINT ck_sanctions_match_by_two CHECK (decided_by IS NULL OR proposed_by IS NULL OR decided_by <> proposed_by), 
	CONSTRAINT ck_sanctions_match_proposed_has_name CHECK (state NOT IN ('proposed', 'cleared') OR proposed_by IS NOT NULL), 
	CONSTRAINT ck_sanctions_match_cleared_by_two CHECK (state <> 'cleared' OR decided_by IS NOT NULL), 
	CONSTRAINT fk_sanctions_match_payee_id FOREIGN KEY(payee_id) REFERENCES payee (id), 
	CONSTRAINT fk_sanctions_match_entry_id FOREIGN KEY(entry_id) REFERENCES sanctions_entry (id), 
	CONSTRAINT fk_sanctions_match_likeness FOREIGN KEY(likeness) REFERENCES match_likeness (code), 
	CONSTRAINT fk_sanctions_match_state FOREIGN KEY(state) REFERENCES sanctions_match_state (code), 
	CONSTRAINT fk_sanctions_match_proposed_by FOREIGN KEY(proposed_by) REFERENCES person (id), 
	CONSTRAINT fk_sanctions_match_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_sanctions_match_blocking ON sanctions_match (payee_id) WHERE state IN ('open', 'proposed', 'confirmed')
-- next --
CREATE INDEX ix_sanctions_match_payee_id ON sanctions_match (payee_id)
-- next --
CREATE INDEX ix_sanctions_match_state ON sanctions_match (state)
-- next --
CREATE TRIGGER sanctions_match_no_update BEFORE UPDATE OF payee_id, data_version, entry_id, data_id, digest, likeness, found_at, id ON sanctions_match BEGIN SELECT RAISE(ABORT, 'sanctions_match is append-only'); END
-- next --
CREATE TRIGGER sanctions_match_no_renumber BEFORE UPDATE ON sanctions_match WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'sanctions_match is append-only'); END
-- next --
CREATE TRIGGER sanctions_match_no_delete BEFORE DELETE ON sanctions_match BEGIN SELECT RAISE(ABORT, 'sanctions_match is append-only'); END
-- next --
CREATE TRIGGER sanctions_match_no_replace BEFORE INSERT ON sanctions_match WHEN EXISTS (SELECT 1 FROM sanctions_match WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'sanctions_match is append-only'); END
-- next --
CREATE TABLE disbursement (
	reference VARCHAR(30) NOT NULL, 
	award_id CHAR(32) NOT NULL, 
	meeting_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	payee_id CHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	rail VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	round INTEGER NOT NULL, 
	request_by VARCHAR(27) NOT NULL, 
	certify_by VARCHAR(27) NOT NULL, 
	approve_by VARCHAR(27) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	confirm_by VARCHAR(27) NOT NULL, 
	act_by VARCHAR(27), 
	reminded_at VARCHAR(27), 
	escalated_at VARCHAR(27), 
	head_told_at VARCHAR(27), 
	second_rule_id CHAR(32), 
	payee_data_version INTEGER, 
	spend_id CHAR(32), 
	released_at VARCHAR(27), 
	bank_reference VARCHAR(60), 
	settled_at VARCHAR(27), 
	short_minor BIGINT NOT NULL, 
	follows_id CHAR(32), 
	answer_id CHAR(32), 
	finding_id CHAR(32), 
	created_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_disbursement PRIMARY KEY (id), 
	CONSTRAINT ck_disbursement_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT ck_disbursement_round_from_one CHECK (round >= 1), 
	CONSTRAINT ck_disbursement_cash_on_arrival_only CHECK (rail = 'transfer' OR kind IN ('dsa_advance', 'terminal')), 
	CONSTRAINT ck_disbursement_dates_in_order CHECK (request_by <= certify_by AND certify_by <= approve_by AND approve_by <= due_at AND due_at <= confirm_by), 
	CONSTRAINT ck_disbursement_released_has_spend CHECK (state NOT IN ('released', 'sending', 'sent', 'unknown', 'confirmed', 'settled') OR (spend_id IS NOT NULL AND released_at IS NOT NULL)), 
	CONSTRAINT ck_disbursement_confirmed_has_reference CHECK (state NOT IN ('confirmed', 'settled') OR ((bank_reference IS NOT NULL OR finding_id IS NOT NULL) AND settled_at IS NOT NULL)), 
	CONSTRAINT ck_disbursement_short_is_a_part CHECK (short_minor >= 0 AND short_minor < amount_minor), 
	CONSTRAINT ck_disbursement_not_before_its_date CHECK (released_at IS NULL OR released_at >= due_at), 
	CONSTRAINT ck_disbursement_signed_for_payee_data CHECK (state NOT IN ('requested', 'certified', 'approved', 'ready', 'released', 'sending', 'sent', 'unknown', 'confirmed', 'settled') OR payee_data_version IS NOT NULL), 
	CONSTRAINT uq_disbursement_spend_id UNIQUE (spend_id), 
	CONSTRAINT uq_disbursement_answer_id UNIQUE (answer_id), 
	CONSTRAINT uq_disbursement_finding_id UNIQUE (finding_id), 
	CONSTRAINT uq_disbursement_reference UNIQUE (reference), 
	CONSTRAINT fk_disbursement_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_disbursement_meeting_id FOREIGN KEY(meeting_id) REFERENCES meeting (id), 
	CONSTRAINT fk_disbursement_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_disbursement_payee_id FOREIGN KEY(payee_id) REFERENCES payee (id), 
	CONSTRAINT fk_disbursement_kind FOREIGN KEY(kind) REFERENCES disbursement_kind (code), 
	CONSTRAINT fk_disbursement_rail FOREIGN KEY(rail) REFERENCES payment_rail (code), 
	CONSTRAINT ck_disbursement_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_disbursement_state FOREIGN KEY(state) REFERENCES disbursement_state (code), 
	CONSTRAINT fk_disbursement_second_rule_id FOREIGN KEY(second_rule_id) REFERENCES approval_rule (id), 
	CONSTRAINT fk_disbursement_spend_id FOREIGN KEY(spend_id) REFERENCES spend (id), 
	CONSTRAINT ck_disbursement_short_minor_is_integer CHECK (typeof(short_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_disbursement_follows_id FOREIGN KEY(follows_id) REFERENCES disbursement (id)
)
-- next --
CREATE INDEX ix_disbursement_act_by ON disbursement (act_by)
-- next --
CREATE INDEX ix_disbursement_award_id ON disbursement (award_id)
-- next --
CREATE INDEX ix_disbursement_list ON disbursement ((act_by IS NULL), act_by, due_at, id)
-- next --
CREATE INDEX ix_disbursement_meeting_id ON disbursement (meeting_id)
-- next --
CREATE INDEX ix_disbursement_organisation_id ON disbursement (organisation_id)
-- next --
CREATE INDEX ix_disbursement_payee_id ON disbursement (payee_id)
-- next --
CREATE INDEX ix_disbursement_state ON disbursement (state)
-- next --
CREATE INDEX ix_disbursement_state_due ON disbursement (state, due_at)
-- next --
CREATE UNIQUE INDEX uq_disbursement_follows ON disbursement (follows_id) WHERE state <> 'cancelled'
-- next --
CREATE UNIQUE INDEX uq_disbursement_planned ON disbursement (award_id, kind) WHERE state <> 'cancelled' AND follows_id IS NULL
-- next --
CREATE TRIGGER disbursement_state_is_signed BEFORE UPDATE ON disbursement WHEN ((CASE NEW.state WHEN 'requested' THEN 'disbursement.requested' WHEN 'certified' THEN 'disbursement.certified' WHEN 'approved' THEN 'disbursement.approved' WHEN 'ready' THEN 'disbursement.approved' WHEN 'released' THEN 'disbursement.released' WHEN 'sending' THEN 'disbursement.released' WHEN 'sent' THEN 'disbursement.released' WHEN 'unknown' THEN 'disbursement.released' WHEN 'confirmed' THEN 'disbursement.released' WHEN 'settled' THEN 'disbursement.released' WHEN 'rejected' THEN 'disbursement.released' WHEN 'failed' THEN 'disbursement.released' WHEN 'returned' THEN 'disbursement.released' WHEN 'reversed' THEN 'disbursement.released' END) IS NOT NULL) AND (NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = 'disbursement' AND subject_id = NEW.id AND round = NEW.round AND step = (CASE NEW.state WHEN 'requested' THEN 'disbursement.requested' WHEN 'certified' THEN 'disbursement.certified' WHEN 'approved' THEN 'disbursement.approved' WHEN 'ready' THEN 'disbursement.approved' WHEN 'released' THEN 'disbursement.released' WHEN 'sending' THEN 'disbursement.released' WHEN 'sent' THEN 'disbursement.released' WHEN 'unknown' THEN 'disbursement.released' WHEN 'confirmed' THEN 'disbursement.released' WHEN 'settled' THEN 'disbursement.released' WHEN 'rejected' THEN 'disbursement.released' WHEN 'failed' THEN 'disbursement.released' WHEN 'returned' THEN 'disbursement.released' WHEN 'reversed' THEN 'disbursement.released' END))) BEGIN SELECT RAISE(ABORT, 'disbursement_state_is_signed: a signature is missing'); END
-- next --
CREATE TRIGGER disbursement_starts_as_draft BEFORE INSERT ON disbursement WHEN NEW.state <> 'draft' OR NEW.round <> 1 BEGIN SELECT RAISE(ABORT, 'disbursement_starts_as_draft: a disbursement starts as a draft'); END
-- next --
CREATE TRIGGER disbursement_released_is_instructed BEFORE UPDATE ON disbursement WHEN (NEW.state IN ('released', 'sending', 'sent', 'unknown', 'confirmed', 'settled')) AND (NOT EXISTS (SELECT 1 FROM payment_line l WHERE l.disbursement_id = NEW.id AND l.round = NEW.round AND l.amount_minor = NEW.amount_minor AND (l.spend_id = NEW.spend_id OR (NEW.state <> 'released' AND EXISTS (SELECT 1 FROM spend o, spend n WHERE o.id = l.spend_id AND o.state = 'returned' AND n.id = NEW.spend_id AND n.subject_id = NEW.id AND n.direct_minor = NEW.amount_minor))))) BEGIN SELECT RAISE(ABORT, 'disbursement_released_is_instructed: no instruction holds this payment'); END
-- next --
CREATE TRIGGER disbursement_sent_is_handed_over BEFORE UPDATE ON disbursement WHEN (NEW.state = 'sent' AND OLD.state = 'released') AND (NOT EXISTS (SELECT 1 FROM payment_line l JOIN instruction_handover h ON h.instruction_id = l.instruction_id WHERE l.disbursement_id = NEW.id AND l.round = NEW.round)) BEGIN SELECT RAISE(ABORT, 'disbursement_sent_is_handed_over: nobody has handed the file over'); END
-- next --
CREATE TRIGGER disbursement_answer_is_the_banks BEFORE UPDATE ON disbursement WHEN (NEW.state IN ('confirmed', 'rejected', 'failed', 'returned', 'reversed') AND OLD.state <> NEW.state) AND (NOT ((NEW.answer_id IS NOT NULL AND (OLD.answer_id IS NULL OR OLD.answer_id <> NEW.answer_id) AND EXISTS (SELECT 1 FROM bank_answer a WHERE a.id = NEW.answer_id AND a.disbursement_id = NEW.id AND a.round = NEW.round AND a.answer = NEW.state)) OR (OLD.state = 'unknown' AND NEW.finding_id IS NOT NULL AND (OLD.finding_id IS NULL OR OLD.finding_id <> NEW.finding_id) AND EXISTS (SELECT 1 FROM payment_finding f WHERE f.id = NEW.finding_id AND f.disbursement_id = NEW.id AND f.round = NEW.round AND f.state = 'agreed' AND f.outcome = CASE NEW.state WHEN 'confirmed' THEN 'paid' ELSE 'unpaid' END)))) BEGIN SELECT RAISE(ABORT, 'disbursement_answer_is_the_banks: neither the bank nor two people say so'); END
-- next --
CREATE TRIGGER disbursement_settled_was_confirmed BEFORE UPDATE ON disbursement WHEN NEW.state = 'settled' AND OLD.state NOT IN ('confirmed', 'settled') BEGIN SELECT RAISE(ABORT, 'disbursement_settled_was_confirmed: only what the bank confirmed is settled'); END
-- next --
CREATE TRIGGER disbursement_signed_is_fixed BEFORE UPDATE ON disbursement WHEN OLD.state <> 'draft' AND NEW.round = OLD.round AND NEW.state <> 'draft' AND (NEW.amount_minor <> OLD.amount_minor OR NEW.payee_id <> OLD.payee_id OR NEW.award_id <> OLD.award_id OR NEW.payee_data_version <> OLD.payee_data_version OR NEW.kind <> OLD.kind OR NEW.rail <> OLD.rail) BEGIN SELECT RAISE(ABORT, 'disbursement_signed_is_fixed: what was signed may not change'); END
-- next --
CREATE TRIGGER disbursement_cash_is_counted BEFORE UPDATE ON disbursement WHEN (NEW.rail = 'paymaster_cash' AND NEW.state IN ('unknown', 'confirmed', 'rejected', 'failed', 'returned', 'reversed') AND OLD.state <> NEW.state) AND (NOT EXISTS (SELECT 1 FROM cash_count c JOIN bank_answer a ON a.id = NEW.answer_id WHERE c.disbursement_id = NEW.id AND c.round = NEW.round AND c.state = 'agreed' AND c.outcome = NEW.state AND a.bank_reference = c.receipt AND a.paid_minor = CASE c.outcome WHEN 'confirmed' THEN c.paid_minor ELSE c.back_minor END)) BEGIN SELECT RAISE(ABORT, 'disbursement_cash_is_counted: two people have not counted it'); END
-- next --
CREATE TRIGGER disbursement_payee_has_given BEFORE UPDATE ON disbursement WHEN (NEW.state IN ('requested', 'released') AND OLD.state <> NEW.state) AND (NOT EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id AND p.state = 'verified' AND CASE NEW.rail WHEN 'paymaster_cash' THEN p.paper_ending_sealed ELSE p.account_sealed END IS NOT NULL)) BEGIN SELECT RAISE(ABORT, 'disbursement_payee_has_given: what this rail needs is not verified'); END
-- next --
CREATE TRIGGER disbursement_release_is_cool BEFORE UPDATE ON disbursement WHEN (NEW.state = 'released' AND OLD.state <> 'released') AND (EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id AND p.frozen_until > NEW.released_at)) BEGIN SELECT RAISE(ABORT, 'disbursement_release_is_cool: the bank data has just changed'); END
-- next --
CREATE TRIGGER disbursement_not_paid_before BEFORE UPDATE ON disbursement WHEN (NEW.state = 'released' AND OLD.state <> 'released') AND (EXISTS (SELECT 1 FROM payment_loss p WHERE p.kind = 'paid_twice' AND ((p.state = 'asked' AND (p.disbursement_id = NEW.id OR p.disbursement_id = NEW.follows_id)) OR (p.state = 'agreed' AND p.disbursement_id = NEW.id AND p.round <> NEW.round)))) BEGIN SELECT RAISE(ABORT, 'disbursement_not_paid_before: an earlier round of it may have been paid'); END
-- next --
CREATE TRIGGER disbursement_payee_is_checked BEFORE UPDATE ON disbursement WHEN (NEW.state IN ('certified', 'released') AND OLD.state <> NEW.state) AND (EXISTS (SELECT 1 FROM sanctions_match m WHERE m.payee_id = NEW.payee_id AND m.state IN ('open', 'proposed', 'confirmed')) OR (NEW.state = 'certified' AND EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id AND (p.screened_list_id IS NULL OR p.screened_version <> p.data_version)))) BEGIN SELECT RAISE(ABORT, 'disbursement_payee_is_checked: the check of the payee has not ended'); END
-- next --
CREATE TRIGGER disbursement_rule_is_kept BEFORE UPDATE ON disbursement WHEN NEW.state = 'certified' AND OLD.state = 'requested' AND NEW.second_rule_id IS NULL AND EXISTS (SELECT 1 FROM approval_rule r WHERE r.agreed AND r.valid_from <= (SELECT substr(p.at, 1, 10) FROM approval p WHERE p.subject_type = 'disbursement' AND p.subject_id = NEW.id AND p.round = NEW.round AND p.step = 'disbursement.certified') AND (r.valid_to IS NULL OR r.valid_to > (SELECT substr(p.at, 1, 10) FROM approval p WHERE p.subject_type = 'disbursement' AND p.subject_id = NEW.id AND p.round = NEW.round AND p.step = 'disbursement.certified')) AND r.from_minor <= NEW.amount_minor AND (r.kind IS NULL OR r.kind = NEW.kind) AND (r.pool_id IS NULL OR EXISTS (SELECT 1 FROM award a JOIN reservation_line l ON l.reservation_id = a.reservation_id JOIN lot ON lot.id = l.lot_id WHERE a.id = NEW.award_id AND lot.pool_id = r.pool_id))) BEGIN SELECT RAISE(ABORT, 'disbursement_rule_is_kept: a rule asks for a second approving officer'); END
-- next --
CREATE TRIGGER disbursement_second_signed BEFORE UPDATE ON disbursement WHEN (NEW.second_rule_id IS NOT NULL AND NEW.state NOT IN ('draft', 'requested', 'certified', 'held', 'cancelled')) AND (NOT EXISTS (SELECT 1 FROM approval p WHERE p.subject_type = 'disbursement' AND p.subject_id = NEW.id AND p.round = NEW.round AND p.step = 'disbursement.approved_second')) BEGIN SELECT RAISE(ABORT, 'disbursement_second_signed: the second approving officer has not signed'); END
-- next --
CREATE TRIGGER disbursement_second_is_fixed BEFORE UPDATE ON disbursement WHEN OLD.state NOT IN ('draft', 'requested') AND NEW.round = OLD.round AND NEW.state <> 'draft' AND ((NEW.second_rule_id IS NULL) <> (OLD.second_rule_id IS NULL) OR NEW.second_rule_id <> OLD.second_rule_id) BEGIN SELECT RAISE(ABORT, 'disbursement_second_is_fixed: what certification asked for may not change'); END
-- next --
CREATE TRIGGER disbursement_not_while_stopped BEFORE UPDATE ON disbursement WHEN (NEW.state = 'released' AND OLD.state <> 'released') AND (EXISTS (SELECT 1 FROM release_stop WHERE restarted_at IS NULL)) BEGIN SELECT RAISE(ABORT, 'disbursement_not_while_stopped: all releases are stopped'); END
-- next --
CREATE TABLE bank_answer (
	disbursement_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	answer VARCHAR(40) NOT NULL, 
	bank_reference VARCHAR(60) NOT NULL, 
	reason VARCHAR(40), 
	day DATE NOT NULL, 
	paid_minor BIGINT NOT NULL, 
	fee_minor BIGINT NOT NULL, 
	fee_bearer VARCHAR(10) NOT NULL, 
	exchange_minor BIGINT NOT NULL, 
	by_person CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_bank_answer PRIMARY KEY (id), 
	CONSTRAINT uq_bank_answer_once UNIQUE (disbursement_id, round, answer, bank_reference), 
	CONSTRAINT ck_bank_answer_amounts CHECK (paid_minor > 0 AND fee_minor >= 0), 
	CONSTRAINT ck_bank_answer_fee_bearer CHECK (fee_bearer IN ('fund', 'payee')), 
	CONSTRAINT ck_bank_answer_has_reference CHECK (length(bank_reference) > 0), 
	CONSTRAINT fk_bank_answer_disbursement_id FOREIGN KEY(disbursement_id) REFERENCES disbursement (id), 
	CONSTRAINT fk_bank_answer_answer FOREIGN KEY(answer) REFERENCES bank_answer_kind (code), 
	CONSTRAINT ck_bank_answer_paid_minor_is_integer CHECK (typeof(paid_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_bank_answer_fee_minor_is_integer CHECK (typeof(fee_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_bank_answer_exchange_minor_is_integer CHECK (typeof(exchange_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_bank_answer_by_person FOREIGN KEY(by_person) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_bank_answer_back ON bank_answer (upper(bank_reference)) WHERE answer IN ('returned', 'reversed')
-- next --
CREATE INDEX ix_bank_answer_disbursement_id ON bank_answer (disbursement_id)
-- next --
CREATE TRIGGER bank_answer_no_update BEFORE UPDATE ON bank_answer BEGIN SELECT RAISE(ABORT, 'bank_answer is append-only'); END
-- next --
CREATE TRIGGER bank_answer_no_delete BEFORE DELETE ON bank_answer BEGIN SELECT RAISE(ABORT, 'bank_answer is append-only'); END
-- next --
CREATE TRIGGER bank_answer_no_replace BEFORE INSERT ON bank_answer WHEN EXISTS (SELECT 1 FROM bank_answer WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'bank_answer is append-only'); END
-- next --
CREATE TABLE payment_finding (
	disbursement_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	outcome VARCHAR(10) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	asked_by CHAR(32) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_payment_finding PRIMARY KEY (id), 
	CONSTRAINT ck_payment_finding_outcome CHECK (outcome IN ('paid', 'unpaid')), 
	CONSTRAINT ck_payment_finding_by_two CHECK (decided_by IS NULL OR decided_by <> asked_by), 
	CONSTRAINT ck_payment_finding_decided_has_name CHECK ((state IN ('agreed', 'refused')) = (decided_by IS NOT NULL)), 
	CONSTRAINT fk_payment_finding_disbursement_id FOREIGN KEY(disbursement_id) REFERENCES disbursement (id), 
	CONSTRAINT fk_payment_finding_state FOREIGN KEY(state) REFERENCES finding_state (code), 
	CONSTRAINT fk_payment_finding_asked_by FOREIGN KEY(asked_by) REFERENCES person (id), 
	CONSTRAINT fk_payment_finding_decided_by FOREIGN KEY(decided_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_payment_finding_disbursement_id ON payment_finding (disbursement_id)
-- next --
CREATE INDEX ix_payment_finding_state ON payment_finding (state)
-- next --
CREATE UNIQUE INDEX uq_payment_finding_open ON payment_finding (disbursement_id) WHERE state = 'asked'
-- next --
CREATE TRIGGER payment_finding_no_update BEFORE UPDATE OF disbursement_id, round, outcome, asked_by, asked_at, id ON payment_finding BEGIN SELECT RAISE(ABORT, 'payment_finding is append-only'); END
-- next --
CREATE TRIGGER payment_finding_no_renumber BEFORE UPDATE ON payment_finding WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'payment_finding is append-only'); END
-- next --
CREATE TRIGGER payment_finding_no_delete BEFORE DELETE ON payment_finding BEGIN SELECT RAISE(ABORT, 'payment_finding is append-only'); END
-- next --
CREATE TRIGGER payment_finding_no_replace BEFORE INSERT ON payment_finding WHEN EXISTS (SELECT 1 FROM payment_finding WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'payment_finding is append-only'); END
-- next --
CREATE TABLE cash_count (
	disbursement_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	outcome VARCHAR(10) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	receipt VARCHAR(60) NOT NULL, 
	paid_minor BIGINT NOT NULL, 
	back_minor BIGINT NOT NULL, 
	passport_seen BOOLEAN NOT NULL, 
	boarding_pass_seen BOOLEAN NOT NULL, 
	receipt_file_id CHAR(32), 
	reason VARCHAR(40), 
	despite VARCHAR(60), 
	counted_by CHAR(32) NOT NULL, 
	counted_at VARCHAR(27) NOT NULL, 
	second_minor BIGINT, 
	second_by CHAR(32), 
	second_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_cash_count PRIMARY KEY (id), 
	CONSTRAINT ck_cash_count_outcome CHECK (outcome IN ('confirmed', 'returned')), 
	CONSTRAINT ck_cash_count_amounts CHECK (paid_minor >= 0 AND back_minor >= 0), 
	CONSTRAINT ck_cash_count_only_paid_despite CHECK (despite IS NULL OR outcome = 'confirmed'), 
	CONSTRAINT ck_cash_count_paid_is_proven CHECK ((outcome = 'confirmed' AND paid_minor > 0 AND passport_seen AND boarding_pass_seen AND receipt_file_id IS NOT NULL) OR (outcome = 'returned' AND paid_minor = 0 AND reason IS NOT NULL)), 
	CONSTRAINT ck_cash_count_ended_has_name CHECK ((state = 'counted') = (second_by IS NULL)), 
	CONSTRAINT ck_cash_count_by_two CHECK (state <> 'agreed' OR second_by <> counted_by), 
	CONSTRAINT ck_cash_count_counts_agree CHECK (state <> 'agreed' OR (second_minor IS NOT NULL AND second_minor = CASE outcome WHEN 'confirmed' THEN paid_minor ELSE back_minor END)), 
	CONSTRAINT fk_cash_count_disbursement_id FOREIGN KEY(disbursement_id) REFERENCES disbursement (id), 
	CONSTRAINT fk_cash_count_state FOREIGN KEY(state) REFERENCES cash_count_state (code), 
	CONSTRAINT ck_cash_count_paid_minor_is_integer CHECK (typeof(paid_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_cash_count_back_minor_is_integer CHECK (typeof(back_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_cash_count_receipt_file_id FOREIGN KEY(receipt_file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_cash_count_counted_by FOREIGN KEY(counted_by) REFERENCES person (id), 
	CONSTRAINT ck_cash_count_second_minor_is_integer CHECK (typeof(second_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_cash_count_second_by FOREIGN KEY(second_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_cash_count_disbursement_id ON cash_count (disbursement_id)
-- next --
CREATE INDEX ix_cash_count_state ON cash_count (state)
-- next --
CREATE UNIQUE INDEX uq_cash_count_agreed ON cash_count (disbursement_id, round) WHERE state = 'agreed'
-- next --
CREATE UNIQUE INDEX uq_cash_count_open ON cash_count (disbursement_id) WHERE state = 'counted'
-- next --
CREATE TRIGGER cash_count_no_update BEFORE UPDATE OF disbursement_id, round, outcome, receipt, paid_minor, back_minor, passport_seen, boarding_pass_seen, receipt_file_id, reason, despite, counted_by, counted_at, id ON cash_count BEGIN SELECT RAISE(ABORT, 'cash_count is append-only'); END
-- next --
CREATE TRIGGER cash_count_no_renumber BEFORE UPDATE ON cash_count WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'cash_count is append-only'); END
-- next --
CREATE TRIGGER cash_count_no_delete BEFORE DELETE ON cash_count BEGIN SELECT RAISE(ABORT, 'cash_count is append-only'); END
-- next --
CREATE TRIGGER cash_count_no_replace BEFORE INSERT ON cash_count WHEN EXISTS (SELECT 1 FROM cash_count WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'cash_count is append-only'); END
-- next --
CREATE TRIGGER cash_count_is_of_a_list BEFORE INSERT ON cash_count WHEN NEW.state <> 'counted' OR NOT EXISTS (SELECT 1 FROM disbursement d WHERE d.id = NEW.disbursement_id AND d.round = NEW.round AND d.state = 'sent' AND d.rail = 'paymaster_cash' AND d.amount_minor = NEW.paid_minor + NEW.back_minor) BEGIN SELECT RAISE(ABORT, 'cash_count_is_of_a_list: no paymaster holds this money'); END
-- next --
CREATE TRIGGER cash_count_by_others_insert BEFORE INSERT ON cash_count WHEN EXISTS (SELECT 1 FROM approval a WHERE a.subject_type = 'disbursement' AND a.subject_id = NEW.disbursement_id AND a.round = NEW.round AND a.step IN ('disbursement.approved', 'disbursement.approved_second', 'disbursement.released') AND (a.person_id = NEW.counted_by OR a.person_id = NEW.second_by)) OR EXISTS (SELECT 1 FROM disbursement d JOIN award w ON w.id = d.award_id JOIN payee p ON p.id = d.payee_id WHERE d.id = NEW.disbursement_id AND (w.beneficiary_id = NEW.counted_by OR p.entered_by = NEW.counted_by OR (NEW.state = 'agreed' AND (w.beneficiary_id = NEW.second_by OR p.entered_by = NEW.second_by)))) BEGIN SELECT RAISE(ABORT, 'cash_count_by_others_insert: who approved, released or benefits does not count'); END
-- next --
CREATE TRIGGER cash_count_by_others_update BEFORE UPDATE ON cash_count WHEN EXISTS (SELECT 1 FROM approval a WHERE a.subject_type = 'disbursement' AND a.subject_id = NEW.disbursement_id AND a.round = NEW.round AND a.step IN ('disbursement.approved', 'disbursement.approved_second', 'disbursement.released') AND (a.person_id = NEW.counted_by OR a.person_id = NEW.second_by)) OR EXISTS (SELECT 1 FROM disbursement d JOIN award w ON w.id = d.award_id JOIN payee p ON p.id = d.payee_id WHERE d.id = NEW.disbursement_id AND (w.beneficiary_id = NEW.counted_by OR p.entered_by = NEW.counted_by OR (NEW.state = 'agreed' AND (w.beneficiary_id = NEW.second_by OR p.entered_by = NEW.second_by)))) BEGIN SELECT RAISE(ABORT, 'cash_count_by_others_update: who approved, released or benefits does not count'); END
-- next --
CREATE TRIGGER cash_count_not_while_stopped BEFORE INSERT ON cash_count WHEN (NEW.outcome = 'confirmed' AND NEW.despite IS NULL) AND (EXISTS (SELECT 1 FROM release_stop WHERE restarted_at IS NULL)) BEGIN SELECT RAISE(ABORT, 'cash_count_not_while_stopped: all releases are stopped'); END
-- next --
CREATE TABLE payment_loss (
	reference VARCHAR(30) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	disbursement_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	bank_reference VARCHAR(60), 
	report_file_id CHAR(32), 
	state VARCHAR(40) NOT NULL, 
	asked_by CHAR(32) NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	decided_by CHAR(32), 
	decided_at VARCHAR(27), 
	settled_minor BIGINT NOT NULL, 
	settles_id CHAR(32), 
	lost_minor BIGINT NOT NULL, 
	back_minor BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_payment_loss PRIMARY KEY (id), 
	CONSTRAINT ck_payment_loss_amounts CHECK (amount_minor > 0 AND settled_minor >= 0 AND lost_minor >= 0 AND back_minor >= 0 AND settled_minor + lost_minor <= amount_minor AND back_minor <= lost_minor), 
	CONSTRAINT ck_payment_loss_bank_says_so CHECK ((kind = 'paid_twice') = (bank_reference IS NOT NULL)), 
	CONSTRAINT ck_payment_loss_cash_has_report CHECK (kind NOT IN ('lost', 'stolen') OR report_file_id IS NOT NULL), 
	CONSTRAINT ck_payment_loss_by_two CHECK (decided_by IS NULL OR decided_by <> asked_by), 
	CONSTRAINT ck_payment_loss_decided_has_name CHECK ((state = 'asked') = (decided_by IS NULL)), 
	CONSTRAINT ck_payment_loss_settled_is_named CHECK ((settled_minor > 0) = (settles_id IS NOT NULL)), 
	CONSTRAINT ck_payment_loss_undecided_moves_nothing CHECK (state IN ('agreed', 'back', 'cleared') OR (lost_minor = 0 AND settled_minor = 0)), 
	CONSTRAINT ck_payment_loss_agreed_is_open CHECK (state <> 'agreed' OR back_minor < lost_minor), 
	CONSTRAINT ck_payment_loss_back_in_full CHECK (state <> 'back' OR (lost_minor > 0 AND back_minor = lost_minor)), 
	CONSTRAINT uq_payment_loss_reference UNIQUE (reference), 
	CONSTRAINT fk_payment_loss_kind FOREIGN KEY(kind) REFERENCES loss_kind (code), 
	CONSTRAINT fk_payment_loss_disbursement_id FOREIGN KEY(disbursement_id) REFERENCES disbursement (id), 
	CONSTRAINT ck_payment_loss_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_payment_loss_report_file_id FOREIGN KEY(report_file_id) REFERENCES stored_file (id), 
	CONSTRAINT fk_payment_loss_state FOREIGN KEY(state) REFERENCES payment_loss_state (code), 
	CONSTRAINT fk_payment_loss_asked_by FOREIGN KEY(asked_by) REFERENCES person (id), 
	CONSTRAINT fk_payment_loss_decided_by FOREIGN KEY(decided_by) REFERENCES person (id), 
	CONSTRAINT ck_payment_loss_settled_minor_is_integer CHECK (typeof(settled_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_payment_loss_settles_id FOREIGN KEY(settles_id) REFERENCES disbursement (id), 
	CONSTRAINT ck_payment_loss_lost_minor_is_integer CHECK (typeof(lost_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_payment_loss_back_minor_is_integer CHECK (typeof(back_minor) IN ('integer', 'null'))
)
-- next --
CREATE INDEX ix_payment_loss_disbursement_id ON payment_loss (disbursement_id)
-- next --
CREATE INDEX ix_payment_loss_settles_id ON payment_loss (settles_id)
-- next --
CREATE INDEX ix_payment_loss_state ON payment_loss (state)
-- next --
CREATE UNIQUE INDEX uq_payment_loss_open ON payment_loss (disbursement_id) WHERE state = 'asked'
-- next --
CREATE TRIGGER payment_loss_no_update BEFORE UPDATE OF reference, kind, disbursement_id, round, amount_minor, bank_reference, report_file_id, asked_by, asked_at, id ON payment_loss BEGIN SELECT RAISE(ABORT, 'payment_loss is append-only'); END
-- next --
CREATE TRIGGER payment_loss_no_renumber BEFORE UPDATE ON payment_loss WHEN NEW.rowid IS NOT OLD.rowid BEGIN SELECT RAISE(ABORT, 'payment_loss is append-only'); END
-- next --
CREATE TRIGGER payment_loss_no_delete BEFORE DELETE ON payment_loss BEGIN SELECT RAISE(ABORT, 'payment_loss is append-only'); END
-- next --
CREATE TRIGGER payment_loss_no_replace BEFORE INSERT ON payment_loss WHEN EXISTS (SELECT 1 FROM payment_loss WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'payment_loss is append-only'); END
-- next --
CREATE TRIGGER payment_loss_is_of_a_line BEFORE INSERT ON payment_loss WHEN NEW.state <> 'asked' OR NOT EXISTS (SELECT 1 FROM payment_line l JOIN payment_instruction i ON i.id = l.instruction_id JOIN disbursement d ON d.id = l.disbursement_id WHERE l.disbursement_id = NEW.disbursement_id AND l.round = NEW.round AND l.amount_minor >= NEW.amount_minor AND ((NEW.kind = 'paid_twice' AND i.rail = 'transfer') OR (NEW.kind <> 'paid_twice' AND i.rail = 'paymaster_cash' AND d.state = 'sent' AND d.round = NEW.round))) BEGIN SELECT RAISE(ABORT, 'payment_loss_is_of_a_line: nobody has this money'); END
-- next --
CREATE TRIGGER payment_loss_decided_stands BEFORE UPDATE ON payment_loss WHEN OLD.state IN ('refused', 'cleared', 'back') OR NEW.back_minor < OLD.back_minor OR (OLD.state <> 'asked' AND (NEW.lost_minor <> OLD.lost_minor OR NEW.settled_minor <> OLD.settled_minor OR NEW.decided_by <> OLD.decided_by)) BEGIN SELECT RAISE(ABORT, 'payment_loss_decided_stands: what two people decided stands'); END
-- next --
CREATE TABLE payment_line (
	instruction_id CHAR(32) NOT NULL, 
	n INTEGER NOT NULL, 
	disbursement_id CHAR(32) NOT NULL, 
	round INTEGER NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	spend_id CHAR(32) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_payment_line PRIMARY KEY (id), 
	CONSTRAINT uq_payment_line_once UNIQUE (disbursement_id, round), 
	CONSTRAINT uq_payment_line_n UNIQUE (instruction_id, n), 
	CONSTRAINT ck_payment_line_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT fk_payment_line_instruction_id FOREIGN KEY(instruction_id) REFERENCES payment_instruction (id), 
	CONSTRAINT fk_payment_line_disbursement_id FOREIGN KEY(disbursement_id) REFERENCES disbursement (id), 
	CONSTRAINT ck_payment_line_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_payment_line_spend_id UNIQUE (spend_id), 
	CONSTRAINT fk_payment_line_spend_id FOREIGN KEY(spend_id) REFERENCES spend (id)
)
-- next --
CREATE TRIGGER payment_line_no_update BEFORE UPDATE ON payment_line BEGIN SELECT RAISE(ABORT, 'payment_line is append-only'); END
-- next --
CREATE TRIGGER payment_line_no_delete BEFORE DELETE ON payment_line BEGIN SELECT RAISE(ABORT, 'payment_line is append-only'); END
-- next --
CREATE TRIGGER payment_line_no_replace BEFORE INSERT ON payment_line WHEN EXISTS (SELECT 1 FROM payment_line WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'payment_line is append-only'); END
-- next --
CREATE TRIGGER payment_line_keeps_its_rail BEFORE INSERT ON payment_line WHEN NOT EXISTS (SELECT 1 FROM disbursement d JOIN payment_instruction i ON i.rail = d.rail WHERE d.id = NEW.disbursement_id AND i.id = NEW.instruction_id) BEGIN SELECT RAISE(ABORT, 'payment_line_keeps_its_rail: the instruction is for another rail'); END
-- next --
CREATE TRIGGER payment_line_is_released BEFORE INSERT ON payment_line WHEN NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = 'disbursement' AND subject_id = NEW.disbursement_id AND round = NEW.round AND step = 'disbursement.released') BEGIN SELECT RAISE(ABORT, 'payment_line_is_released: the release is not signed'); END
-- next --
CREATE TRIGGER payment_line_not_while_stopped BEFORE INSERT ON payment_line WHEN EXISTS (SELECT 1 FROM release_stop WHERE restarted_at IS NULL) BEGIN SELECT RAISE(ABORT, 'payment_line_not_while_stopped: all releases are stopped'); END
-- next --
CREATE TABLE recovery (
	reference VARCHAR(30) NOT NULL, 
	claim_id CHAR(32), 
	loss_id CHAR(32), 
	award_id CHAR(32) NOT NULL, 
	organisation_id CHAR(32) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	back_minor BIGINT NOT NULL, 
	asked_at VARCHAR(27) NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	remind_at VARCHAR(27) NOT NULL, 
	reminders INTEGER NOT NULL, 
	written_off_by CHAR(32), 
	ended_at VARCHAR(27), 
	id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_recovery PRIMARY KEY (id), 
	CONSTRAINT ck_recovery_amounts CHECK (amount_minor > 0 AND back_minor >= 0 AND back_minor <= amount_minor), 
	CONSTRAINT ck_recovery_recovered_in_full CHECK (state <> 'recovered' OR back_minor = amount_minor), 
	CONSTRAINT ck_recovery_asked_is_open CHECK (state <> 'asked' OR back_minor < amount_minor), 
	CONSTRAINT ck_recovery_written_off_by_somebody CHECK ((state = 'written_off') = (written_off_by IS NOT NULL)), 
	CONSTRAINT ck_recovery_of_a_claim_or_a_loss CHECK ((claim_id IS NULL) <> (loss_id IS NULL)), 
	CONSTRAINT uq_recovery_loss_id UNIQUE (loss_id), 
	CONSTRAINT uq_recovery_reference UNIQUE (reference), 
	CONSTRAINT fk_recovery_claim_id FOREIGN KEY(claim_id) REFERENCES claim (id), 
	CONSTRAINT fk_recovery_loss_id FOREIGN KEY(loss_id) REFERENCES payment_loss (id), 
	CONSTRAINT fk_recovery_award_id FOREIGN KEY(award_id) REFERENCES award (id), 
	CONSTRAINT fk_recovery_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id), 
	CONSTRAINT fk_recovery_state FOREIGN KEY(state) REFERENCES recovery_state (code), 
	CONSTRAINT ck_recovery_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT ck_recovery_back_minor_is_integer CHECK (typeof(back_minor) IN ('integer', 'null')), 
	CONSTRAINT fk_recovery_written_off_by FOREIGN KEY(written_off_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_recovery_award_id ON recovery (award_id)
-- next --
CREATE INDEX ix_recovery_claim_id ON recovery (claim_id)
-- next --
CREATE INDEX ix_recovery_next ON recovery (remind_at) WHERE state = 'asked'
-- next --
CREATE INDEX ix_recovery_organisation_id ON recovery (organisation_id)
-- next --
CREATE INDEX ix_recovery_state ON recovery (state)
-- next --
CREATE UNIQUE INDEX uq_recovery_claim_asked ON recovery (claim_id) WHERE state = 'asked'
-- next --
CREATE TRIGGER recovery_ended_stands BEFORE UPDATE ON recovery WHEN OLD.state <> 'asked' AND (NEW.state <> OLD.state OR NEW.amount_minor <> OLD.amount_minor OR NEW.back_minor <> OLD.back_minor) BEGIN SELECT RAISE(ABORT, 'recovery_ended_stands: what was decided stands'); END
-- next --
CREATE TABLE loss_receipt (
	loss_id CHAR(32) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	bank_reference VARCHAR(60) NOT NULL, 
	recorded_by CHAR(32) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_loss_receipt PRIMARY KEY (id), 
	CONSTRAINT ck_loss_receipt_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT fk_loss_receipt_loss_id FOREIGN KEY(loss_id) REFERENCES payment_loss (id), 
	CONSTRAINT ck_loss_receipt_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_loss_receipt_bank_reference UNIQUE (bank_reference), 
	CONSTRAINT fk_loss_receipt_recorded_by FOREIGN KEY(recorded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_loss_receipt_loss_id ON loss_receipt (loss_id)
-- next --
CREATE TRIGGER loss_receipt_no_update BEFORE UPDATE ON loss_receipt BEGIN SELECT RAISE(ABORT, 'loss_receipt is append-only'); END
-- next --
CREATE TRIGGER loss_receipt_no_delete BEFORE DELETE ON loss_receipt BEGIN SELECT RAISE(ABORT, 'loss_receipt is append-only'); END
-- next --
CREATE TRIGGER loss_receipt_no_replace BEFORE INSERT ON loss_receipt WHEN EXISTS (SELECT 1 FROM loss_receipt WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'loss_receipt is append-only'); END
-- next --
CREATE TRIGGER loss_receipt_is_open BEFORE INSERT ON loss_receipt WHEN NOT EXISTS (SELECT 1 FROM payment_loss p WHERE p.id = NEW.loss_id AND p.state = 'agreed' AND p.kind <> 'paid_twice' AND NEW.amount_minor <= p.lost_minor - p.back_minor) BEGIN SELECT RAISE(ABORT, 'loss_receipt_is_open: no more comes back than is lost'); END
-- next --
CREATE TABLE instruction_withdrawal (
	instruction_id CHAR(32) NOT NULL, 
	loss_id CHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_instruction_withdrawal PRIMARY KEY (instruction_id), 
	CONSTRAINT fk_instruction_withdrawal_instruction_id FOREIGN KEY(instruction_id) REFERENCES payment_instruction (id), 
	CONSTRAINT fk_instruction_withdrawal_loss_id FOREIGN KEY(loss_id) REFERENCES payment_loss (id)
)
-- next --
CREATE TRIGGER instruction_withdrawal_no_update BEFORE UPDATE ON instruction_withdrawal BEGIN SELECT RAISE(ABORT, 'instruction_withdrawal is append-only'); END
-- next --
CREATE TRIGGER instruction_withdrawal_no_delete BEFORE DELETE ON instruction_withdrawal BEGIN SELECT RAISE(ABORT, 'instruction_withdrawal is append-only'); END
-- next --
CREATE TRIGGER instruction_withdrawal_no_replace BEFORE INSERT ON instruction_withdrawal WHEN EXISTS (SELECT 1 FROM instruction_withdrawal WHERE (instruction_id = NEW.instruction_id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'instruction_withdrawal is append-only'); END
-- next --
CREATE TRIGGER instruction_withdrawal_in_time BEFORE INSERT ON instruction_withdrawal WHEN EXISTS (SELECT 1 FROM instruction_handover h WHERE h.instruction_id = NEW.instruction_id) BEGIN SELECT RAISE(ABORT, 'instruction_withdrawal_in_time: the bank has the file'); END
-- next --
CREATE TABLE recovery_receipt (
	recovery_id CHAR(32) NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	bank_reference VARCHAR(60) NOT NULL, 
	paid_on DATE NOT NULL, 
	recorded_by CHAR(32) NOT NULL, 
	recorded_at VARCHAR(27) NOT NULL, 
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_recovery_receipt PRIMARY KEY (id), 
	CONSTRAINT ck_recovery_receipt_amount_positive CHECK (amount_minor > 0), 
	CONSTRAINT fk_recovery_receipt_recovery_id FOREIGN KEY(recovery_id) REFERENCES recovery (id), 
	CONSTRAINT ck_recovery_receipt_amount_minor_is_integer CHECK (typeof(amount_minor) IN ('integer', 'null')), 
	CONSTRAINT uq_recovery_receipt_bank_reference UNIQUE (bank_reference), 
	CONSTRAINT fk_recovery_receipt_recorded_by FOREIGN KEY(recorded_by) REFERENCES person (id)
)
-- next --
CREATE INDEX ix_recovery_receipt_recovery_id ON recovery_receipt (recovery_id)
-- next --
CREATE TRIGGER recovery_receipt_no_update BEFORE UPDATE ON recovery_receipt BEGIN SELECT RAISE(ABORT, 'recovery_receipt is append-only'); END
-- next --
CREATE TRIGGER recovery_receipt_no_delete BEFORE DELETE ON recovery_receipt BEGIN SELECT RAISE(ABORT, 'recovery_receipt is append-only'); END
-- next --
CREATE TRIGGER recovery_receipt_no_replace BEFORE INSERT ON recovery_receipt WHEN EXISTS (SELECT 1 FROM recovery_receipt WHERE (id = NEW.id) OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'recovery_receipt is append-only'); END
-- next --
CREATE TRIGGER recovery_receipt_is_open BEFORE INSERT ON recovery_receipt WHEN NEW.amount_minor > (SELECT amount_minor - back_minor FROM recovery WHERE id = NEW.recovery_id) OR (SELECT state FROM recovery WHERE id = NEW.recovery_id) <> 'asked' BEGIN SELECT RAISE(ABORT, 'no more comes back than is open'); END
