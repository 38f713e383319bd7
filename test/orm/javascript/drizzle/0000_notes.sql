CREATE TABLE "drizzle_notes" (
	"id" serial PRIMARY KEY NOT NULL,
	"customer_id" integer NOT NULL,
	"body" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE INDEX "drizzle_notes_customer_id_idx" ON "drizzle_notes" USING btree ("customer_id");
--> statement-breakpoint
ALTER TABLE "drizzle_notes" ADD COLUMN "done" boolean DEFAULT false NOT NULL;
