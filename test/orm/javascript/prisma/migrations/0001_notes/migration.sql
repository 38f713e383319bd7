-- CreateTable
CREATE TABLE "prisma_notes" (
    "id" SERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "body" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "prisma_notes_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "prisma_notes_customer_id_idx" ON "prisma_notes"("customer_id");

-- AlterTable
ALTER TABLE "prisma_notes" ADD COLUMN "done" BOOLEAN NOT NULL DEFAULT false;
